/** What lies in the browser until a time, for so many milliseconds in all. */
export type Kept<T> = T & { ms: number; until: number }

/** Outlives the page; where the browser allows nothing of the kind, the page itself has to do. */
let store: Record<string, string> = {}
/** Whether it does outlive the page. */
export let isLasting = false
try {
  isLasting = localStorage.length >= 0
  store = localStorage
} catch {}

const units = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a lifetime like `30m`, `12h`, `7d`; anything else gives the default, in days. */
export function lifetime(text: string, days: number): number {
  const [, count, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? []
  return Number(count) * units[unit as keyof typeof units] || days * units.d
}

/** Keeps something from now on for so many milliseconds; false where there is no room. */
export function keep(name: string, ms: number, value: object): boolean {
  try {
    store[name] = JSON.stringify({ ...value, ms, until: Date.now() + ms })
    return true
  } catch {
    return false
  }
}

export function forget(name: string): void {
  delete store[name]
}

/** What was kept under a name; null for what can't be read. */
export function kept<T>(name: string): Kept<T> | null {
  try {
    return JSON.parse(store[name] ?? 'null') as Kept<T> | null
  } catch {
    return null
  }
}

/** Every name in use that begins so. */
export function keptNames(begin: string): string[] {
  return Object.keys(store).filter((name) => name.startsWith(begin))
}

/** Whether its time is over, and so many milliseconds more, or there is nothing. */
export function isOver(it: Kept<object> | null, more = 0): boolean {
  return !it || it.until + more < Date.now()
}
