import type { ComponentChildren, VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { styles } from './styles.ts'

export type PageLanguage = 'en' | 'ja'

/**
 * A text in which commands and settings stand between backticks, as they are written for terminals and mails.
 *
 * @example <Told text="Run `todoku serve` first." /> // Run <code class="inline">todoku serve</code> first.
 */
export function Told({ text }: { text: string }) {
  return text.split(/`([^`]+)`/).map((part, n) => (n % 2 === 0 ? part : <code class="inline">{part}</code>))
}

/** How the page's subject stands; the favicon shows it. */
export type Mood = 'good' | 'bad' | 'wait' | 'plain'

export type LayoutProps = {
  language: PageLanguage
  title: string
  mood: Mood
  /** Script of the page, if it has one. Its hash stands in the CSP. */
  script?: string
  /** Where a page without script goes to see what is new, and after how many seconds. */
  refresh?: { seconds: number; path: string }
  children: ComponentChildren
}

/** A whole page as text. */
export function renderPage(page: VNode): string {
  return `<!doctype html>\n${renderToString(page)}\n`
}

/** What every public page shares: no other file is loaded, and no search engine is let in. */
export function Layout({ language, title, mood, script, refresh, children }: LayoutProps) {
  return (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="referrer" content="no-referrer" />
        <title>{title}</title>
        <link rel="icon" href={favicon(mood)} />
        <style dangerouslySetInnerHTML={{ __html: styles }} />
        {refresh !== undefined && (
          <noscript>
            <meta http-equiv="refresh" content={`${refresh.seconds}; url=${refresh.path}`} />
          </noscript>
        )}
      </head>
      <body>
        <main>{children}</main>
        {script !== undefined && <script dangerouslySetInnerHTML={{ __html: script }} />}
      </body>
    </html>
  )
}

const colours: Readonly<Record<Mood, string>> = { good: '#1f8a4c', bad: '#c0392b', wait: '#b8860b', plain: '#51607a' }
const marks: Readonly<Record<Mood, string>> = {
  good: 'M9 16.5l5 5 9-10',
  bad: 'M10.5 10.5l11 11m0-11l-11 11',
  wait: 'M16 9v8l5 3',
  plain: 'M8 11h16v11H8zm0 0l8 6 8-6',
}

function favicon(mood: Mood): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="${colours[mood]}"/><path d="${marks[mood]}" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

/** The same mark inside a page. Says nothing to a screen reader: the sentence beside it does. */
export function Mark({ mood }: { mood: Mood }) {
  return (
    <svg class={mood} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="16" cy="16" r="14.5" fill="none" stroke="currentColor" stroke-width="2.5" />
      <path
        d={marks[mood]}
        fill="none"
        stroke="currentColor"
        stroke-width="2.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  )
}
