/**
 * A `pattern` attribute as browsers run it (HTML §4.10.5.3.6): with the `v` flag, against the whole value. Null when it does not
 * compile by itself; wrapped it might: `)(`.
 *
 * @example compilePattern('[0-9]{3}-[0-9]{4}')?.test('100-0001') // true
 */
export function compilePattern(source: string): RegExp | null {
  try {
    new RegExp(source, 'v')
    return new RegExp(`^(?:${source})$`, 'v')
  } catch {
    return null
  }
}
