import { Layout, type PageLanguage, renderPage } from './layout.tsx'

/** Told to who opens `/app/` without a session. */
export function renderSignIn({ language, command }: { language: PageLanguage; command: string }): string {
  const words = texts[language]
  return renderPage(
    <Layout language={language} title={words.title} mood="plain">
      <h1>{words.title}</h1>
      <p>{words.how}</p>
      <p>
        <code>{command}</code>
      </p>
    </Layout>,
  )
}

const texts = {
  en: {
    title: 'This needs a one-time link',
    how: 'The link stands on the screen where todoku was started. To get a new one, run this beside the running server:',
  },
  ja: {
    title: '一回限りのリンクが必要です',
    how: 'リンクは todoku を起動した画面に表示されています。新しいリンクは、サーバーと同じ場所で次のコマンドを実行すると得られます。',
  },
}
