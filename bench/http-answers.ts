/** One answer of a server, as far as a load generator looks at it. */
export type HttpAnswer = {
  status: number
  /** The server ends the connection after it. */
  close: boolean
}

export type AnswerReader = {
  /** Takes bytes as they come, and gives the answers that are whole now. @throws SyntaxError when it is not HTTP/1.1 */
  push(chunk: Buffer): HttpAnswer[]
}

/**
 * Reads HTTP/1.1 answers (RFC 9112) off a kept connection: just enough to know where each one ends. Costs little, so that
 * the generator's work does not become part of what is measured.
 */
export function createAnswerReader(): AnswerReader {
  let rest = ''
  return {
    push(chunk) {
      // One character per byte: lengths stay what they are.
      rest += chunk.toString('latin1')
      const answers: HttpAnswer[] = []
      for (;;) {
        const headEnd = rest.indexOf('\r\n\r\n')
        if (headEnd === -1) return answers
        const head = rest.slice(0, headEnd)
        const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
        if (Number.isNaN(status)) throw new SyntaxError('not an HTTP/1.1 answer')
        const end = bodyEnd(head, headEnd + 4)
        if (end === null) return answers
        rest = rest.slice(end)
        answers.push({ status, close: /^connection: *close/im.test(head) })
      }
    },
  }

  /** Where the body that begins at `from` ends; null while it is not all there. */
  function bodyEnd(head: string, from: number): number | null {
    if (/^transfer-encoding: *chunked/im.test(head)) return chunkedEnd(from)
    const end = from + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    return rest.length >= end ? end : null
  }

  function chunkedEnd(from: number): number | null {
    for (let at = from; ; ) {
      const lineEnd = rest.indexOf('\r\n', at)
      if (lineEnd === -1) return null
      const size = Number.parseInt(rest.slice(at, lineEnd), 16)
      if (Number.isNaN(size)) throw new SyntaxError('not a chunk')
      const end = lineEnd + 2 + size + 2
      if (rest.length < end) return null
      if (size === 0) return end
      at = end
    }
  }
}
