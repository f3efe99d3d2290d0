// The page for what went wrong as a whole: what happened, what did not happen, what to do.
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';

interface ErrorPageProps {
  reader: Reader | null;
  title: string;
  /** What happened, what did not. */
  detail: string;
  requestId: string;
}

export function ErrorPage({ reader, title, detail, requestId }: ErrorPageProps) {
  return (
    <Layout title={title} reader={reader}>
      <div class="narrow">
        <h1>{title}</h1>
        <p>{detail}</p>
        <p>
          <a class="button" href="/">
            Go to the start
          </a>
        </p>
        <p class="quiet">
          If you report this, name <code class="id">{requestId}</code>.
        </p>
      </div>
    </Layout>
  );
}
