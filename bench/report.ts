import type { Ratio, Row } from './figures.ts'

/** How a promise is to be measured. */
export type Options = {
  repeats: number
  /** Seconds instead of minutes: shows that all of it works, its figures mean little. */
  quick: boolean
  /** Where databases lie; what disk that is decides much. */
  folder: string
  /** What is being done now, for those who wait. */
  progress(text: string): void
}

/** What was found about one promise. */
export type Report = {
  promise: string
  /** How it was measured, by keyword. */
  about: Record<string, string>
  rows: Row[]
  ratios: Ratio[]
}
