/** Parameter of MAIL that asks for reports with headers only, under our own id (RFC 3461 §4.3, §4.4); `''` when the id can't be one. */
export function mailDsnParams(messageId: string): string {
  return /^[!-~]{1,100}$/.test(messageId) ? ` RET=HDRS ENVID=${xtext(messageId)}` : ' RET=HDRS'
}

/**
 * Parameters of RCPT that ask for every report there is, and name the address as we submit it (RFC 3461 §4.1, §4.2).
 * `address` is the path without its brackets; one with non-ASCII letters goes as `utf-8` (RFC 6533 §3).
 */
export function rcptDsnParams(address: string): string {
  const orcpt = /^[ -~]*$/.test(address) ? `rfc822;${xtext(address)}` : `utf-8;${utf8Xtext(address)}`
  const notify = ' NOTIFY=SUCCESS,FAILURE,DELAY'
  return orcpt.length > 500 ? notify : `${notify} ORCPT=${orcpt}`
}

/**
 * @example xtext('a+b@example.jp') // 'a+2Bb@example.jp'
 */
function xtext(ascii: string): string {
  return ascii.replace(/[^!-*,-<>-~]/g, (char) => `+${hex(char)}`)
}

/** Only `+`, `=`, the backslash and space need an escape where SMTPUTF8 is offered; letters go as they are. */
function utf8Xtext(text: string): string {
  return text.replace(/[ +=\\]/g, (char) => `\\x{${hex(char)}}`)
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
}
