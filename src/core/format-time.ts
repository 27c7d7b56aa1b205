import type { Language } from './language.ts'

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', ja: 'ja-JP' }

type Style = 'whole' | 'day' | 'time'
const styles: Readonly<Record<Style, Intl.DateTimeFormatOptions>> = {
  whole: { dateStyle: 'long', timeStyle: 'short' },
  day: { dateStyle: 'long' },
  time: { timeStyle: 'short' },
}

/** Making a format costs more than a mail; there are as many as languages, zones and styles in use. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(style: Style, language: Language, timeZone: string): Intl.DateTimeFormat {
  const key = `${style} ${language} ${timeZone}`
  const known = formats.get(key)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat(locales[language], { ...styles[style], timeZone })
  formats.set(key, made)
  return made
}

/**
 * A time as a person of this language writes it.
 *
 * @param timeZone IANA name
 * @example formatTime(0, 'en', 'Asia/Tokyo') // '1 January 1970 at 09:00'
 */
export function formatTime(time: number, language: Language, timeZone: string): string {
  return formatOf('whole', language, timeZone).format(time)
}

/** The same for what is close: the time of day alone where the day is today's. */
export function formatSoon(time: number, now: number, language: Language, timeZone: string): string {
  const day = formatOf('day', language, timeZone)
  return formatOf(day.format(time) === day.format(now) ? 'time' : 'whole', language, timeZone).format(time)
}
