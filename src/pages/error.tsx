import { Layout, type PageLanguage, renderPage, Told } from './layout.tsx'

export type ErrorProps = {
  language: PageLanguage
  status: number
  code: string
  sentence: string
  /** What the reader can do. */
  next: string
}

/** What went wrong and what to do, for a browser. */
export function renderError({ language, status, code, sentence, next }: ErrorProps): string {
  return renderPage(
    <Layout language={language} title={sentence} mood="bad">
      <h1>{sentence}</h1>
      <p>
        <Told text={next} />
      </p>
      <p class="foot">
        {status} · {code}
      </p>
    </Layout>,
  )
}
