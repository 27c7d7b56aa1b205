import type { Deps, FloodedMessage } from '../deps.ts'
import { formatTime } from '../format-time.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language, Sentence } from '../language.ts'
import { currentConfirmation } from '../submissions/status.ts'
import type { Submission } from '../submissions/submission.ts'
import { viewUrl } from '../suppressions/links.ts'
import { formTitle } from './compose.ts'
import { contentId, markdownText, planContent } from './content.ts'
import { fold } from './fold.ts'
import { confirmationNote } from './held.ts'
import type { Content, MessageEvent } from './message.ts'
import { formLanguage } from './plan.ts'
import { cutLine, isolated } from './templates/shown-text.ts'

type FloodDeps = Pick<
  Deps,
  | 'forms'
  | 'submissions'
  | 'messages'
  | 'queue'
  | 'settings'
  | 'crypto'
  | 'clock'
  | 'transport'
  | 'alarmTransport'
  | 'log'
>

/**
 * Submissions that it names, and how long their list may be as Markdown, in UTF-16 code units; the rest is a number. With the
 * sentences around it the list has to stay below what Liquid reads (`parseLimit` in `templates/liquid.ts`), or the digest
 * would not go out at all.
 */
const maxListed = 500
const maxListLength = 90_000

/** An address may have 254 letters; the list is for finding, the submission has it whole. UTF-16 code units. */
const maxAddress = 100

/** Messages read, and written, at once. */
const batch = 200

/**
 * Tells the managers of flooded forms in one mail what would have been hundreds (invariant 9): the notifications over
 * `caps.notifications`, gathered for `schedule.floodPause` per form and address, so that nobody gets more than one such
 * mail in that time.
 *
 * ```
 *  held (flood) ─▶ gathered ─▶ digest stored ─▶ cancelled (digest: its id)
 *       │                          └─ a process that dies here: the next round tells them again, never nobody
 *       └─ no round in schedule.floodFallback: goes out by itself
 * ```
 *
 * Stored first and cancelled then, each only where it is still as it was read: one that a person let go meanwhile, or that
 * is being sent, goes out as itself.
 *
 * @param maxCovered notifications that one digest stands for; what is beyond it gets another one
 */
export async function tellFloods(deps: FloodDeps, maxCovered = 20_000): Promise<void> {
  const before = deps.clock.now() - deps.settings.schedule.floodPause
  for (const flood of await deps.messages.floods({ before })) {
    for (let after: string | null = ''; after !== null; ) after = await tellFlood(deps, flood, after, maxCovered)
  }
}

/** One digest. @returns where the next one goes on; null when nothing is left, or nothing can be told */
async function tellFlood(
  deps: FloodDeps,
  { form: name, recipient }: { form: string; recipient: string },
  after: string,
  maxCovered: number,
): Promise<string | null> {
  const form = await deps.forms.get(name)
  if (form === null) {
    // The digests of the other forms must not wait for it; its notifications go out by themselves in the end.
    deps.log.error({ form: name }, 'a flooded form is gone; its notifications are not told in a digest')
    return null
  }
  const covered = await gather(deps, { form: name, recipient }, after, maxCovered)
  const last = covered.at(-1)
  if (last === undefined) return null
  const language = formLanguage(deps, form)
  const digest = planContent(deps, {
    // The same notifications give the same mail, also when a process died before they were cancelled.
    id: contentId(deps, 'flood', name, recipient, covered.map(({ id }) => id).join(' ')),
    role: 'update',
    recipient,
    language,
    form,
    about: null,
    content: digestText(
      deps,
      form,
      language,
      covered.length,
      await linesOf(deps, covered.slice(0, maxListed), language),
    ),
  })
  await deps.messages.add([digest])
  deps.queue.announce()
  for (let start = 0; start < covered.length; start += batch) {
    await Promise.all(covered.slice(start, start + batch).map((one) => end(deps, one, digest.id)))
  }
  deps.log.info({ form: name, messageId: digest.id, count: covered.length }, 'notifications were told in a digest')
  return covered.length < maxCovered ? null : last.id
}

async function gather(
  deps: FloodDeps,
  { form, recipient }: { form: string; recipient: string },
  after: string,
  maxCovered: number,
): Promise<FloodedMessage[]> {
  const gathered: FloodedMessage[] = []
  for (let from = after; gathered.length < maxCovered; ) {
    const limit = Math.min(batch, maxCovered - gathered.length)
    const page = await deps.messages.flooded({ form, recipient, limit, after: from })
    gathered.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < limit) break
    from = last.id
  }
  return gathered
}

/** Ends a notification that its digest tells, if it is still the one that was gathered. */
async function end(deps: FloodDeps, { id, version }: FloodedMessage, digest: string): Promise<void> {
  const message = await deps.messages.get(id)
  if (message?.version !== version) return
  const event: MessageEvent = { id: `${id}.digest`, at: deps.clock.now(), kind: 'cancelled', reason: 'digest', digest }
  const state = fold([...message.events, event])
  const { attempts } = message
  await deps.messages.write({ id, version, events: [event], state, dueAt: null, attempts, lease: 'keep' })
}

const noAddress: Sentence = { en: 'no address', ja: 'アドレスなし' }
const testMark: Sentence = { en: '[Test]', ja: '[テスト]' }

const heldMark: Sentence = { en: 'confirmation held back', ja: '確認メール保留中' }
const stoppedMark: Sentence = { en: 'no confirmation', ja: '確認メールなし' }

/**
 * One line for each submission, as far as there is room: reference, time, address of its sender, whether that sender gets no
 * word of its own for now, and where all of it is.
 */
async function linesOf(deps: FloodDeps, listed: readonly FloodedMessage[], language: Language): Promise<string[]> {
  const lines: string[] = []
  let length = 0
  for (const { reference, createdAt } of listed) {
    const submission = await deps.submissions.get(reference)
    const email = submission?.email ?? null
    const parts = [
      ...(submission?.test === true ? [testMark[language]] : []),
      formatTime(submission?.receivedAt ?? createdAt, language, deps.settings.timeZone),
      email === null ? noAddress[language] : isolated(cutLine(email, maxAddress)),
      ...(submission === null ? [] : await confirmationMark(deps, submission, language)),
    ]
    const url = submission === null ? '' : `: <${viewUrl(deps, submission)}>`
    const line = `- **${markdownText(reference)}** ${parts.map(markdownText).join(' · ')}${url}`
    length += line.length + 1
    if (length > maxListLength) break
    lines.push(line)
  }
  return lines
}

/** What a notification says in a sentence (`confirmationNote`). */
async function confirmationMark(deps: FloodDeps, submission: Submission, language: Language): Promise<string[]> {
  if (submission.email === null) return []
  const confirmation = currentConfirmation(submission, await deps.messages.ofSubmission(submission.id))
  if (confirmation === null || confirmationNote(confirmation, language) === null) return []
  return [(confirmation.state.name === 'held' ? heldMark : stoppedMark)[language]]
}

/** A cap's window in words: an hour, or the seconds that stand for it on the fast clock of `capture`. */
function windowText(ms: number, language: Language): string {
  if (ms === 3_600_000) return { en: 'an hour', ja: '1 時間' }[language]
  const seconds = Math.max(1, Math.round(ms / 1000))
  return { en: seconds === 1 ? 'a second' : `${seconds} seconds`, ja: `${seconds} 秒` }[language]
}

function digestText(
  deps: Pick<Deps, 'settings'>,
  form: FormRecord,
  language: Language,
  total: number,
  lines: readonly string[],
): Content {
  const title = formTitle(form, language)
  const more = total - lines.length
  const { max, windowMs } = deps.settings.caps.notifications
  const window = windowText(windowMs, language)
  const list = [
    ...lines,
    ...(more === 0
      ? []
      : [
          {
            en: `- and ${more} more, which are not listed here: \`npx todoku submissions list --form ${form.name}\``,
            ja: `- ほか ${more} 件（ここには載せていません）: \`npx todoku submissions list --form ${form.name}\``,
          }[language],
        ]),
  ]
  const texts = {
    en: {
      subject: `${title}: ${total} more ${total === 1 ? 'message' : 'messages'} in one mail`,
      intro: `Many messages come from the form **${markdownText(title)}** at the moment. After ${max} mails in ${window} the further ones are told together, so that your mailbox stays usable: **${total}** in this mail. All of them are stored.`,
      next: 'The link beside each opens it for 30 days, without an account; treat it like the message itself. On the command line: `npx todoku submissions show REFERENCE`. If somebody abuses the form, see `spam` in its settings.',
    },
    ja: {
      subject: `${title}: ほか ${total} 件の送信（まとめ）`,
      intro: `現在、フォーム「**${markdownText(title)}**」から多くの送信があります。メールボックスがあふれないように、${window}に ${max} 通を超えた分をまとめてお知らせします。このメールでは **${total}** 件です。内容はすべて保存されています。`,
      next: '各行のリンクから、アカウントなしで内容を確認できます（30 日間有効）。リンクは送信内容と同じように扱ってください。コマンドでは `npx todoku submissions show 受付番号` で確認できます。フォームが悪用されている場合は、設定の `spam` をご確認ください。',
    },
  }[language]
  return {
    subject: texts.subject,
    body: `${[texts.intro, list.join('\n'), texts.next, `<${deps.settings.publicUrl}/app/>`].join('\n\n')}\n`,
  }
}
