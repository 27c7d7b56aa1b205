import type { Language } from './language.ts'

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', ja: 'ja-JP' }

/**
 * A time as a person of this language writes it.
 *
 * @param timeZone IANA name
 * @example formatTime(0, 'en', 'Asia/Tokyo') // '1 January 1970 at 09:00'
 */
export function formatTime(time: number, language: Language, timeZone: string): string {
  const format = new Intl.DateTimeFormat(locales[language], { dateStyle: 'long', timeStyle: 'short', timeZone })
  return format.format(time)
}

/** The same for what is close: the time of day alone where the day is today's. */
export function formatSoon(time: number, now: number, language: Language, timeZone: string): string {
  const day = new Intl.DateTimeFormat(locales[language], { dateStyle: 'long', timeZone })
  if (day.format(time) !== day.format(now)) return formatTime(time, language, timeZone)
  return new Intl.DateTimeFormat(locales[language], { timeStyle: 'short', timeZone }).format(time)
}
