/** The languages our own sentences exist in. Forms, pages and mails always speak one of them. */
export const languages = ['en', 'ja'] as const
export type Language = (typeof languages)[number]

/** A sentence in every language. */
export type Sentence = Readonly<Record<Language, string>>

/**
 * The first of our languages that a list of language tags asks for, best first.
 *
 * @example pickLanguage(['ja-JP', 'en']) // 'ja'
 */
export function pickLanguage(tags: readonly (string | null | undefined)[]): Language | null {
  for (const tag of tags) {
    const primary = tag?.trim().toLowerCase().split(/[-_]/)[0]
    const found = languages.find((language) => language === primary)
    if (found !== undefined) return found
  }
  return null
}

/**
 * Language tags of an `Accept-Language` value, best first (RFC 9110 §12.5.4). Lenient: what can't be read is left out.
 *
 * @example acceptedLanguages('en;q=0.5, ja') // ['ja', 'en']
 */
export function acceptedLanguages(header: string | null): string[] {
  return (header ?? '')
    .split(',')
    .slice(0, 20)
    .map((part, index) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const q = parameters.map((p) => /^\s*q=([0-9.]+)\s*$/.exec(p)?.[1]).find((value) => value !== undefined)
      return { tag: tag.trim(), quality: q === undefined ? 1 : Number(q), index }
    })
    .filter(({ tag, quality }) => /^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$/.test(tag) && quality > 0)
    .sort((a, b) => b.quality - a.quality || a.index - b.index)
    .map(({ tag }) => tag)
}
