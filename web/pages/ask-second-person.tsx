// The frame of what one person of ops asks of a second over an escrow's money: what happens, a form, and nothing moves before.
import type { Child } from 'hono/jsx';
import type { EscrowRecord } from '../../db/escrows.ts';
import type { Consequences } from '../consequences.ts';
import { EmptyState, ErrorState } from '../parts/basics.tsx';
import { ConsequencePanel } from '../parts/consequences.tsx';
import { Form, newKey, TextField } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';

/** What the page of each decision gets. */
export interface SecondPersonProps {
  reader: Reader;
  record: EscrowRecord;
  /** What was typed before it was refused. */
  typed: Readonly<Record<string, string | undefined>>;
  problem: string | undefined;
}

interface AskProps extends SecondPersonProps {
  title: string;
  /** The last part of the page's address. */
  path: string;
  /** Why there is nothing to ask for, or null. */
  nothing: string | null;
  consequences: Omit<Consequences, 'button'>;
  button: string;
  /** The fields before the reason. */
  children: Child;
}

export function AskSecondPersonPage({ reader, record, typed, problem, title, path, nothing, consequences, button, children }: AskProps) {
  const { state } = record;
  const home = `/escrows/${state.id}`;
  return (
    <Layout title={title} reader={reader}>
      <div class="narrow">
        <p class="back">
          <a href={home}>Back to {state.terms.title}</a>
        </p>
        <h1>
          {title}
          <span class="of">{state.terms.title}</span>
        </h1>
        {problem === undefined ? null : (
          <ErrorState title="This was not asked">
            <p>{problem}</p>
            <p>Nothing has changed and no money has moved.</p>
          </ErrorState>
        )}
        {nothing === null ? (
          <>
            <ConsequencePanel consequences={{ ...consequences, button: '' }} />
            <Form reader={reader} action={`/ops/escrows/${state.id}/${path}`} commandKey={newKey()} class="card">
              {children}
              <TextField name="reason" label="Reason" hint="Both sides and whoever approves read it." value={typed['reason']} required />
              <div class="actions">
                <button type="submit">{button}</button>
                <a class="button plain" href={home}>
                  Do nothing
                </a>
              </div>
            </Form>
          </>
        ) : (
          <EmptyState title="Nothing is held here">
            <p>{nothing}</p>
          </EmptyState>
        )}
      </div>
    </Layout>
  );
} // prettier-ignore
