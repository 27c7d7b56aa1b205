/** What a freshly started server tells the person in front of it. */
export type Greeting = {
  publicUrl: string
  /** The address that is listened on; the public one may lead here through a proxy. */
  listens: string
  enterUrl: string
  dataFolder: string
  transport: 'capture' | 'smtp'
  relay: string | null
  from: string
  demo: boolean
  site: string | null
  forms: readonly string[]
  notAdopted: readonly { page: string; reason: string }[]
  /** Forms whose settings in todoku.yaml are not applied, or that they are not valid. */
  drift: readonly string[] | 'invalid'
  /** Why a loss of mail, or of the process, would not be noticed: what `todoku doctor` says of alarms. */
  unwatched: readonly { sentence: string; next: string }[]
}

/** One calm screen: addresses to open, where data lie, where mail goes and how to change that. */
export function startScreen(greeting: Greeting): string {
  const {
    publicUrl,
    listens,
    enterUrl,
    dataFolder,
    transport,
    relay,
    from,
    demo,
    site,
    forms,
    notAdopted,
    drift,
    unwatched,
  } = greeting
  const rows: [string, string][] = [
    ...(demo ? [['Demo form', `${publicUrl}/  (日本語: ${publicUrl}/ja/)`] as [string, string]] : []),
    ...(!demo && site !== null ? [['Site', `${publicUrl}/  (${site})`] as [string, string]] : []),
    [transport === 'capture' ? 'Mailbox' : 'Sign in', enterUrl],
    ['', '(opens once, within 24 hours; a new link: npx todoku token link)'],
    [
      'Forms',
      forms.length === 0
        ? 'none yet; `npx todoku forms sync DIR` takes them from pages'
        : forms.map((name) => `${publicUrl}/f/${name}`).join('\n'),
    ],
    ['Data', dataFolder],
    ...(transport === 'capture' ? [] : [['Listens', listens] as [string, string]]),
    ...mailRows(transport, relay, from),
  ]
  const lines = rows.flatMap(([label, value]) =>
    value.split('\n').map((line, index) => `  ${(index === 0 ? label : '').padEnd(11)}${line}`),
  )
  const notes = [
    ...unwatched.map(({ sentence, next }) => `  ! ${sentence} ${next}`),
    ...notAdopted.map(({ page, reason }) => `  Not adopted: ${page}: ${reason}`),
    ...(drift === 'invalid'
      ? ['  The forms in todoku.yaml are not valid: npx todoku forms apply names the wrong keys.']
      : []),
    ...(drift !== 'invalid' && drift.length > 0
      ? [`  Not applied yet: ${drift.join(', ')} in todoku.yaml differ from what is in use: npx todoku forms apply`]
      : []),
  ]
  return [
    '',
    '  Todoku is running. Stop it with Ctrl+C.',
    '',
    ...lines,
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    '',
  ].join('\n')
}

function mailRows(transport: Greeting['transport'], relay: string | null, from: string): [string, string][] {
  if (transport === 'capture') {
    return [
      ['Mail', 'is kept in the local mailbox; none leaves this machine.'],
      ['', 'To send it, set `transport: smtp` in todoku.yaml: docs/guide/sending.md'],
    ]
  }
  return [['Mail', `goes out from ${from} through ${relay ?? ''}`]]
}
