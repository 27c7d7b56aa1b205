import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type CommandContext, print } from '../terminal.ts'

const settings = `# Settings of Todoku. Every key is optional; docs/reference/settings.md lists all of them.
# Without a transport that sends, mail is kept in the local mailbox.

# publicUrl: https://forms.example.jp
# transport: smtp
# smtp:
#   host: smtp.example.jp
#   user: forms
#   passwordFile: /run/secrets/smtp-password
# from:
#   address: forms@example.jp
#   name: Example Inc.
# managers: [office@example.jp]
# site: ./site

# Settings of forms; apply them with: npx todoku forms apply
# forms:
#   contact:
#     managers: [office@example.jp]
#     thanks: /thanks.html
#     confirmation:
#       fromName: Example Inc.
#       replyTo: office@example.jp
`

/** Writes a settings file to begin with; never over one that is there. */
export async function run(context: CommandContext): Promise<number> {
  const file = resolve(typeof context.flags.config === 'string' ? context.flags.config : 'todoku.yaml')
  if (existsSync(file)) {
    const next = 'Edit it, or run `todoku init` in another folder.'
    throw Object.assign(new Error(`there is a settings file already: ${file}`), { code: 'already-there', next })
  }
  writeFileSync(file, settings)
  print(context, { file }, () => `${file} is written. Next: npx todoku serve\n`)
  return 0
}
