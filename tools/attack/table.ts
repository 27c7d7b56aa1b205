import type { AttackRow, PeopleRow, Report } from './audit.ts'

/** The report as a person reads it: two tables, a few numbers, what must be true, and a last line that sums up. */
export function reportText(report: Report, wallSeconds: number): string {
  const { strangers, floods, oracle, truths } = report
  const failed = truths.filter(({ holds }) => !holds)
  const quarantined = report.persons.reduce((sum, row) => sum + row.quarantined, 0)
  const lost = report.persons.reduce((sum, row) => sum + row.lost, 0)
  return [
    table(
      [
        'attackers',
        'posts',
        '429',
        'refused',
        'accepted',
        'unconf.',
        'quarantined',
        'mails',
        'quarantined by; mails held for',
      ],
      report.attackers.map(attackCells),
    ),
    table(
      [
        'people',
        'who',
        'posts',
        'accepted',
        'unconf.',
        'quarantined',
        '429',
        'tries',
        'seconds',
        'mails',
        'lost',
        'quarantined by; mails held for',
      ],
      report.persons.map(peopleCells),
    ),
    [
      `Confirmations: ${strangers.mails}; most to one mailbox in 24 hours ${strangers.perMailboxDay}, to one domain in an hour ${strangers.perDomainHour}, to one shared domain in an hour ${strangers.perSharedDomainHour}.`,
      `Told together with others: ${floods.posts} notifications in ${floods.mails} digests; most told one by one to a manager in an hour ${floods.perManagerHour}.`,
      `Bots that test addresses learned that ${oracle.failed} fail, and of ${oracle.fine} why.`,
      `Posts stored ${report.stored}, sent away with 429 ${report.tooMany}; the store has ${report.storeMegabytes} MB.`,
      `Real people put aside for review: ${quarantined} of ${report.people}.`,
    ].join('\n'),
    truths
      .map(({ name, holds, detail }) => `${holds ? 'yes' : 'NO '}  ${name}${detail === '' ? '' : ` (${detail})`}`)
      .join('\n'),
    `Seed ${report.seed}: ${report.posts} posts in ${report.hours} simulated hours, ${report.people} people, ${lost} lost; ${failed.length === 0 ? 'all' : truths.length - failed.length} of ${truths.length} hold; ${Math.round(wallSeconds)} s.`,
  ].join('\n\n')
}

function attackCells(row: AttackRow): string[] {
  const { kind, posts, tooMany, refused, accepted, unconfirmed, quarantined, confirmations } = row
  return [kind, ...[posts, tooMany, refused, accepted, unconfirmed, quarantined, confirmations].map(String), why(row)]
}

function peopleCells(row: PeopleRow): string[] {
  const {
    kind,
    people,
    posts,
    accepted,
    unconfirmed,
    quarantined,
    delayed,
    tries,
    longestSeconds,
    confirmations,
    lost,
  } = row
  const numbers = [
    people,
    posts,
    accepted,
    unconfirmed,
    quarantined,
    delayed,
    tries,
    longestSeconds,
    confirmations,
    lost,
  ]
  return [kind, ...numbers.map(String), why(row)]
}

function why({ rules, held }: Pick<AttackRow, 'rules' | 'held'>): string {
  const listed = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  return [listed(rules), listed(held)].filter((text) => text !== '').join('; ')
}

/** Texts to the left, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const isText = (at: number) => at === 0 || at === head.length - 1
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}
