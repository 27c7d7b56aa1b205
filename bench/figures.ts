/** What one system showed in one repeat: its figures by name, such as `{ 'req/s': 5120, 'p50 ms': 2.9 }`. */
export type Sample = { system: string; setting: string; figures: Readonly<Record<string, number>> }

/** A figure over all repeats. */
export type Spread = { median: number; min: number; max: number }

export type Row = { system: string; setting: string; figures: Record<string, Spread> }

export type Ratio = { of: string; to: string; setting: string; figure: string; ratio: Spread }

/** @throws RangeError without values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  return { median: quantile(sorted, 0.5), min: quantile(sorted, 0), max: quantile(sorted, 1) }
}

/**
 * A quantile of ascending numbers; between two of them the share between their values.
 *
 * @example quantile([1, 2, 3, 4], 0.5) // 2.5
 * @throws RangeError without numbers
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = (sorted.length - 1) * share
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  if (low === undefined || high === undefined) throw new RangeError('there is no quantile of nothing')
  return low + (high - low) * (at - Math.floor(at))
}

/** One row per system and setting, in the order in which they first came. `repeats` holds the samples of each repeat. */
export function rowsOf(repeats: readonly (readonly Sample[])[]): Row[] {
  const groups = Map.groupBy(repeats.flat(), ({ system, setting }) => `${system}\n${setting}`)
  return [...groups.values()].flatMap((samples) => {
    const [first] = samples
    if (first === undefined) return []
    const figures = Object.keys(first.figures).map((name) => [
      name,
      spreadOf(samples.map((sample) => sample.figures[name] ?? Number.NaN)),
    ])
    return [{ system: first.system, setting: first.setting, figures: Object.fromEntries(figures) as Row['figures'] }]
  })
}

/**
 * How systems compare in one figure, per setting. Each repeat gives a ratio of its own, and of these the median is taken:
 * what disturbs the machine for a while then disturbs both sides of a ratio.
 */
export function ratiosOf(
  repeats: readonly (readonly Sample[])[],
  figure: string,
  pairs: readonly (readonly [of: string, to: string])[],
): Ratio[] {
  const settings = new Set(repeats.flat().map(({ setting }) => setting))
  return pairs.flatMap(([of, to]) =>
    [...settings].flatMap((setting) => {
      const values = repeats.flatMap((samples) => {
        const value = (system: string) =>
          samples.find((sample) => sample.system === system && sample.setting === setting)?.figures[figure]
        const [above, below] = [value(of), value(to)]
        return above === undefined || below === undefined || below === 0 ? [] : [above / below]
      })
      return values.length === 0 ? [] : [{ of, to, setting, figure, ratio: spreadOf(values) }]
    }),
  )
}

/** Another order in each repeat, so that nobody always comes after the same one. */
export function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

/** Rows as columns: every figure's median, of the first one also the spread. */
export function rowTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))]
  return columns([
    ['', '', ...names.flatMap((name, at) => (at === 0 ? [name, '[min..max]'] : [name]))],
    ...rows.map(({ system, setting, figures }) => [
      system,
      setting,
      ...names.flatMap((name, at) => {
        const spread = figures[name]
        if (spread === undefined) return at === 0 ? ['', ''] : ['']
        return at === 0 ? [shown(spread.median), rangeOf(spread)] : [shown(spread.median)]
      }),
    ]),
  ])
}

export function ratioTable(ratios: readonly Ratio[]): string {
  return columns([
    ['', '', 'ratio', '[min..max]'],
    ...ratios.map(({ of, to, setting, ratio }) => [`${of} ÷ ${to}`, setting, shown(ratio.median), rangeOf(ratio)]),
  ])
}

function rangeOf({ min, max }: Spread): string {
  return `[${shown(min)}..${shown(max)}]`
}

/** Three digits are more than a repeat can promise. */
function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}

/** The first two columns to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
