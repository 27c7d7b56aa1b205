/** What those get who only send: the mails that Todoku sent itself, as often as they can, until they are ended. */
export type SendTask = {
  port: number
  connections: number
  mailsPerConnection: number
  mails: readonly {
    to: string
    /** As it went over the wire, one character per byte. */
    raw: string
    /** The same mail taken apart, for those who compose it themselves. */
    subject: string
    text: string
    html: string
  }[]
}
