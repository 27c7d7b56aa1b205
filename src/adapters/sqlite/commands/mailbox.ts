import type { CapturedMail, SimulatedFeedback } from '../../../core/deps.ts'
import type { Database } from '../database.ts'

type AddCommand = { mail: CapturedMail; feedback: SimulatedFeedback | null; keep: number }

export function addMail(db: Database, { mail, feedback, keep }: AddCommand): void {
  const added = db.run(
    `INSERT OR IGNORE INTO mailbox (id, message_id, attempt, at, sender, recipient, subject, raw)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    mail.id,
    mail.messageId,
    mail.attempt,
    mail.at,
    mail.from,
    mail.to,
    mail.subject,
    mail.raw,
  )
  if (added === 0) return
  if (feedback !== null) {
    const { messageId, kind, dueAt } = feedback
    db.run('INSERT OR IGNORE INTO simulated_feedback VALUES (?, ?, ?)', messageId, kind, dueAt)
  }
  db.run('DELETE FROM mailbox WHERE seq <= (SELECT max(seq) FROM mailbox) - ?', keep)
}

export function clearMailbox(db: Database): void {
  db.run('DELETE FROM mailbox')
}

export function doneFeedback(db: Database, messageId: string): void {
  db.run('DELETE FROM simulated_feedback WHERE message_id = ?', messageId)
}
