import { Command, CommanderError, Option } from 'commander'
import { failed, type Terminal } from './terminal.ts'

/**
 * The commands: one file each below `commands/`, loaded when it is used. Every command takes `--json`, `--config`
 * and `--data`, and ends with a status other than 0 when it failed, naming the error's code.
 */
const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
}

type Options = Record<string, string | boolean | undefined>
type Run = (context: { terminal: Terminal; flags: Options; arguments: readonly string[] }) => Promise<number>

const program = new Command('todoku')
  .description('A form backend whose e-mail is accounted for')
  // What commander finds wrong is told as every other failure is.
  .exitOverride()
  .configureOutput({ outputError: () => {} })

function add(
  parent: Command,
  usage: string,
  description: string,
  load: () => Promise<{ run: Run }>,
  options: readonly Option[] = [],
): Command {
  const command = parent
    .command(usage)
    .description(description)
    .option('--config <file>', 'settings file (default: todoku.yaml)')
    .option('--data <dir>', 'data folder (default: data)')
    .option('--json', 'print JSON')
  for (const option of options) command.addOption(option)
  return command.action(async (...given: unknown[]) => {
    const own = given.at(-1) as Command
    try {
      const { run } = await load()
      process.exitCode = await run({ terminal, flags: own.opts() as Options, arguments: own.args })
    } catch (error) {
      process.exitCode = failed(terminal, error, own.opts().json === true)
    }
  })
}

add(program, 'init', 'write a todoku.yaml to begin with', () => import('./commands/init.ts'))
add(program, 'serve', 'serve forms, deliver mail, show what became of it', () => import('./commands/serve.ts'), [
  new Option('--host <host>', 'address to listen on (default: 127.0.0.1)'),
  new Option('--port <port>', 'port to listen on (default: 4180)'),
  new Option('--site <dir>', 'folder of pages to serve; the rules of their forms follow every change'),
])

const forms = program.command('forms').description('forms, their rules and settings')
add(
  forms,
  'sync <dir>',
  'take the rules of forms from the HTML pages of a folder',
  () => import('./commands/forms-sync.ts'),
)
add(
  forms,
  'apply',
  'apply the settings below `forms:` in todoku.yaml, and the folder of templates',
  () => import('./commands/forms-apply.ts'),
  [new Option('--dry-run', 'only show what differs')],
)
add(forms, 'preview <name>', 'show a mail of a form as it would go out', () => import('./commands/forms-preview.ts'), [
  new Option('--role <role>', 'which mail').choices(['confirmation', 'notification', 'update']).default('confirmation'),
  new Option('--lang <language>', 'in this language').choices(['en', 'ja']),
  new Option('--reference <reference>', 'made of this submission (default: the newest)'),
  new Option('--html <file>', 'write the HTML part to a file'),
  new Option('--applied', 'with the settings that are in force, instead of those in todoku.yaml'),
])
add(forms, 'list', 'list all forms', () => import('./commands/forms-list.ts'))
add(forms, 'show <name>', 'show one form: its settings and rules', () => import('./commands/forms-show.ts'))

const submissions = program.command('submissions').description('what was posted')
add(submissions, 'list', 'list submissions, newest first', () => import('./commands/submissions-list.ts'), [
  new Option('--form <name>', 'only of this form'),
  new Option('--quarantined', 'only those that wait for review'),
  new Option('--unconfirmed', 'only those that wait for their submitter').conflicts('quarantined'),
  new Option('--limit <n>', 'how many (default: 50)'),
  new Option('--before <cursor>', 'go on where the last page ended'),
])
add(
  submissions,
  'show <reference>',
  'show one submission with its mails',
  () => import('./commands/submissions-show.ts'),
)
add(
  submissions,
  'release <reference>',
  'let a submission go on that waits for review; its mails go out',
  () => import('./commands/submissions-release.ts'),
)
add(
  submissions,
  'files <reference> <dir>',
  'save the uploads of a submission into a folder',
  () => import('./commands/submissions-files.ts'),
)

const messages = program.command('messages').description('mails and their fate')
add(messages, 'list', 'list messages, newest first', () => import('./commands/messages-list.ts'), [
  new Option('--state <state>', 'only in this state'),
  new Option('--limit <n>', 'how many (default: 50)'),
  new Option('--before <cursor>', 'go on where the last page ended'),
])
add(messages, 'show <id>', 'show one message with its events and evidence', () => import('./commands/messages-show.ts'))
add(
  messages,
  'retry <id>',
  'make the next attempt of a waiting message now',
  () => import('./commands/messages-retry.ts'),
)
add(
  messages,
  'cancel <id>',
  'make no further attempt with a waiting message',
  () => import('./commands/messages-cancel.ts'),
)

add(program, 'explain <reference>', 'tell the whole story of a submission', () => import('./commands/explain.ts'), [
  new Option('--language <language>', 'language of the story').choices(['en', 'ja']).default('en'),
])

const migrate = program.command('migrate').description('pages that were made for another form service')
add(
  migrate,
  'check <path>',
  'tell what a page, or all pages of a folder, have to change, and which fields behave differently here',
  () => import('./commands/migrate-check.ts'),
  [new Option('--server <url>', 'address of this Todoku, for the new action (default: publicUrl)')],
)

const alarms = program.command('alarms').description('what is wrong, and how it is told')
add(alarms, 'list', 'list what is wrong now', () => import('./commands/alarms-list.ts'), [
  new Option('--all', 'also what is over'),
])
add(alarms, 'test', 'send a test the way alarms go', () => import('./commands/alarms-test.ts'))
add(
  program,
  'test [form]',
  'post a test to a form at its public address and follow its mails',
  () => import('./commands/test.ts'),
)
add(
  program,
  'doctor',
  'say what is wrong with the settings before a lead is lost',
  () => import('./commands/doctor.ts'),
)

const token = program.command('token').description('ways in')
add(token, 'link', 'make a one-time link to /app/', () => import('./commands/token-link.ts'))
add(program, 'openapi', 'print the OpenAPI document', () => import('./commands/openapi.ts'))

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Help and version end here too.
  if (error.exitCode !== 0) {
    const message = error.code === 'commander.help' ? 'a command is needed' : error.message.replace(/^error: /, '')
    const next = 'Add --help for what there is.'
    const wrong = Object.assign(new Error(message), { code: 'command-invalid', next })
    process.exitCode = failed(terminal, wrong, process.argv.includes('--json'))
  }
}
