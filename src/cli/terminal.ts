import { describeError } from '../hosts/describe-error.ts'

/** Where a command writes to; tests pass their own. */
export type Terminal = { out(text: string): void; error(text: string): void }

/** What every command gets. */
export type CommandContext = {
  terminal: Terminal
  flags: Readonly<Record<string, string | boolean | undefined>>
  arguments: readonly string[]
}

/** Exit statuses after sysexits(3): a script can tell a wrong setting from a server that is away. */
const exitStatuses: Readonly<Record<string, number>> = {
  'config-invalid': 78,
  'settings-invalid': 78,
  'data-in-use': 75,
  'data-unusable': 73,
  'store-unavailable': 75,
  'server-unreachable': 69,
  'port-in-use': 69,
  'form-not-found': 66,
  'submission-not-found': 66,
  'message-not-found': 66,
  'file-not-found': 66,
  'no-data': 66,
  'site-unreadable': 66,
  'page-unreadable': 66,
  'page-not-adopted': 65,
  'command-invalid': 64,
}

/** Tells why a command failed, with the code of the catalogue, and gives its exit status. */
export function failed(terminal: Terminal, error: unknown, json: boolean): number {
  const { code, message, next } = hasCode(error) ? error : describeError(error)
  if (json) terminal.out(`${JSON.stringify({ ok: false, code, error: message, next }, null, 2)}\n`)
  else terminal.error(visible(`todoku: ${message}\n${next === '' ? '' : `${next}\n`}[${code}]\n`))
  return exitStatuses[code] ?? 1
}

/** Errors of the client and of the configuration carry their words themselves. */
function hasCode(error: unknown): error is { code: string; message: string; next: string } {
  return error instanceof Error && 'code' in error && 'next' in error
}

/** Prints a value: as JSON, or the way people read it. */
export function print<T>({ terminal, flags }: CommandContext, value: T, text: (value: T) => string): void {
  terminal.out(flags.json === true ? `${JSON.stringify(value, null, 2)}\n` : visible(text(value)))
}

/**
 * Text with its control characters spelled out (`\x1b`), line breaks and tabs apart: what visitors typed and servers
 * answered may hold sequences that a terminal obeys. The lines of mails and posts end with CRLF, which is a line break.
 */
function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** Rows in columns; full-width characters count as two. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

function width(text: string): number {
  return [...text].reduce(
    (sum, char) =>
      sum +
      (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        char,
      )
        ? 2
        : 1),
    0,
  )
}
