import { type CheckedPage, checkPages, type UncheckedPage } from '../../hosts/page-check.ts'
import { configOf } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/**
 * Tells what a page that was made for another form service has to change, or all pages of a folder. Needs no server, and
 * changes nothing. Fails when a page can’t be read.
 */
export async function run(context: CommandContext): Promise<number> {
  const [path = ''] = context.arguments
  const { server } = context.flags
  // Settings that are wrong don't matter to those who say where the server is.
  const at = typeof server === 'string' ? server : (configOf(context).config.publicUrl ?? null)
  const found = await checkPages(path, at)
  if (found.kind === 'page') {
    print(context, { ...found.checked, server: at }, ({ page, forms, notes }) =>
      forms.length === 0 && notes.length === 0
        ? `${page}: no form\n`
        : `${[text(found.checked), ...unknownServer([found.checked], at)].join('\n\n')}\n`,
    )
    return 0
  }
  const { checked, unreadable } = found
  const failed = unreadable.length > 0
  print(
    context,
    { ...(failed ? { ok: false, code: 'page-unreadable' } : {}), pages: checked, unreadable, server: at },
    () => folderText(path, checked, unreadable, at),
  )
  return failed ? 66 : 0
}

function folderText(
  folder: string,
  checked: readonly CheckedPage[],
  unreadable: readonly UncheckedPage[],
  server: string | null,
): string {
  const shown = checked.filter(({ forms, notes }) => forms.length > 0 || notes.length > 0)
  const count = checked.length + unreadable.length
  const parts = [
    ...shown.map(text),
    ...unreadable.map(({ page, reason }) => `${page}: can’t be read: ${reason}`),
    ...unknownServer(shown, server),
    shown.length === 0 && unreadable.length === 0
      ? `${folder}: no form on ${count === 1 ? 'its one page' : `any of its ${count} pages`}`
      : `${folder}: ${count === 1 ? '1 page' : `${count} pages`}, ${shown.length} with something to say`,
  ]
  return `${parts.join('\n\n')}\n${unreadable.length > 0 ? '[page-unreadable]\n' : ''}`
}

/** What stands in the new addresses is only an example, as long as nobody says where Todoku is. */
function unknownServer(pages: readonly CheckedPage[], server: string | null): string[] {
  const isToChange = pages.some(({ forms }) =>
    forms.some(({ action, buttons }) => [action, ...buttons].some(({ from, to }) => from !== to)),
  )
  if (server !== null || !isToChange) return []
  return ['The address of your Todoku is not known: name it with --server, or set `publicUrl` in todoku.yaml.']
}

function text({ page, forms, notes }: CheckedPage): string {
  const parts = forms.map((form) => {
    const lines = [`${page}, line ${form.line}: ${maker(form)}`, ...changes(form)]
    for (const { name, line, here, differs } of form.fields) {
      lines.push(`  ${name} (line ${line}): ${here}`)
      if (differs !== null) lines.push(`    differs: ${differs}`)
    }
    return [...lines, ...form.notes.map((note) => `  note: ${note}`)].join('\n')
  })
  return [...parts, ...notes.map((note) => `${forms.length === 0 ? `${page}: ` : ''}note: ${note}`)].join('\n\n')
}

type CheckedForm = CheckedPage['forms'][number]

function maker({ service, because, action: { from, to } }: CheckedForm): string {
  if (from === to) return 'posts here already'
  return service === null ? 'nothing tells which service it was made for' : `made for ${service}: ${because}`
}

function changes({ action, buttons }: CheckedForm): string[] {
  return [
    ...change(action.from === null ? 'the form: it has no action' : `action="${action.from}"`, 'action', action),
    ...buttons.flatMap(({ line, ...button }) =>
      change(`formaction="${button.from}" (the button of line ${line})`, 'formaction', button),
    ),
  ]
}

function change(what: string, attribute: string, { from, to }: { from: string | null; to: string }): string[] {
  if (from === to) return [`  ${attribute}="${to}" is right as it is`]
  return [`  change ${what}`, `  to     ${attribute}="${to}"`]
}
