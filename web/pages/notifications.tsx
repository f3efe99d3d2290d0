// What a person was told of, and which mails they take; for staff the outbox: every mail and what became of it.
import type { OutboxMail } from '../../db/mails.ts';
import type { Notification } from '../../db/messages.ts';
import { mayBeSwitchedOff, MESSAGE_KINDS, type MessageKind, type Topic } from '../../domain/messages.ts';
import { wordsOf } from '../../messages/words.ts';
import { CopyableId, EmptyState, Moment, Notice, StatusChip } from '../parts/basics.tsx';
import { Form } from '../parts/form.tsx';
import { Layout } from '../parts/layout.tsx';
import type { Reader } from '../reader.ts';
import type { Tone } from '../status-words.ts';

interface NotificationsProps {
  reader: Reader;
  items: readonly Notification[];
  unread: number;
  older: string | null;
  notice: string | undefined;
}

export function NotificationsPage({ reader, items, unread, older, notice }: NotificationsProps) {
  return (
    <Layout title="Notifications" reader={reader} path="/notifications">
      <h1>Notifications</h1>
      <Notice text={notice} />
      <p>
        <a href="/preferences">Choose which of them are mailed to you</a>
      </p>
      {unread === 0 ? null : (
        <Form reader={reader} action="/notifications/read">
          <button class="second" type="submit">
            Mark all {String(unread)} as read
          </button>
        </Form>
      )}
      {items.length === 0 ? (
        <EmptyState title="Nothing yet">
          <p>Here stands everything that waits on you, and what happened to your escrows.</p>
        </EmptyState>
      ) : (
        <ul class="messages">
          {items.map((item) => (
            <Item reader={reader} item={item} />
          ))}
        </ul>
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older notifications</a>
        </p>
      )}
    </Layout>
  );
}

function Item({ reader, item }: { reader: Reader; item: Notification }) {
  const { subject, says, button } = wordsOf(item.kind, { reader, data: item.data, escrowId: item.escrow_id });
  const waits = item.waits && item.settled_at === null;
  return (
    <li class={item.read_at === null ? 'card unread' : 'card'}>
      <h2>
        {subject} {waits ? <StatusChip label="Waits on you" tone="waiting" /> : null}
        {item.read_at === null ? <StatusChip label="New" tone="good" /> : null}
      </h2>
      <p class="when">
        <Moment reader={reader} at={item.created_at} />
      </p>
      {says.map((sentence) => (
        <p>{sentence}</p>
      ))}
      {button === null ? null : (
        <Form reader={reader} action={`/notifications/${item.id}/open`}>
          <button class={waits ? '' : 'second'} type="submit" aria-label={`${button.label}: ${subject}`}>
            {button.label}
          </button>
        </Form>
      )}
    </li>
  );
}

const TOPICS: Record<Topic, string> = {
  agreement: 'Terms and agreements',
  payment: 'Payments',
  work: 'Work and deliveries',
  refund: 'Refunds',
  dispute: 'Disputes',
  account: 'Your account with Stripe',
  security: 'Security',
  staff: 'Staff',
};

interface PreferencesProps {
  reader: Reader;
  kinds: readonly MessageKind[];
  chosen: ReadonlyMap<string, boolean>;
  notice: string | undefined;
}

export function PreferencesPage({ reader, kinds, chosen, notice }: PreferencesProps) {
  const topics = (Object.keys(TOPICS) as Topic[]).filter((topic) => kinds.some((kind) => MESSAGE_KINDS[kind].topic === topic));
  return (
    <Layout title="Mails" reader={reader} path="/preferences">
      <h1>Which mails you get</h1>
      <Notice text={notice} />
      <p>
        They go to {reader.person.email}. Whatever you choose, everything stands in your{' '}
        <a href="/notifications">notifications</a>. What is about money or security is always mailed.
      </p>
      <Form reader={reader} action="/preferences">
        {topics.map((topic) => (
          <fieldset class="card choices-list">
            <legend>{TOPICS[topic]}</legend>
            {kinds
              .filter((kind) => MESSAGE_KINDS[kind].topic === topic)
              .map((kind) => {
                const required = !mayBeSwitchedOff(kind);
                return (
                  <label class="check">
                    <input type="checkbox" name="mail" value={kind} checked={required || (chosen.get(kind) ?? true)} disabled={required} />
                    <span>
                      {MESSAGE_KINDS[kind].label}
                      {required ? <span class="quiet"> (always)</span> : null}
                    </span>
                  </label>
                );
              })}
          </fieldset>
        ))}
        <div class="actions">
          <button type="submit">Save</button>
        </div>
      </Form>
    </Layout>
  );
} // prettier-ignore

const MAIL_WORDS: Record<OutboxMail['state'], { label: string; tone: Tone }> = {
  queued: { label: 'Waiting', tone: 'waiting' },
  sent: { label: 'Sent', tone: 'good' },
  kept: { label: 'Kept here: no mail server', tone: 'plain' },
  dropped: { label: 'Not needed any more', tone: 'plain' },
  failed: { label: 'Failed', tone: 'bad' },
};

interface OutboxProps {
  reader: Reader;
  mails: readonly OutboxMail[];
  /** SMTP_URL is set. */
  sends: boolean;
  older: string | null;
}

export function OutboxPage({ reader, mails, sends, older }: OutboxProps) {
  return (
    <Layout title="Outbox" reader={reader} path="/ops/outbox">
      <h1>Outbox</h1>
      <p>
        {sends
          ? 'Mails go out by the server of SMTP_URL.'
          : 'There is no mail server (SMTP_URL): each mail is kept here instead of being sent.'}
      </p>
      {mails.length === 0 ? (
        <EmptyState title="No mail yet">
          <p>A mail is queued as soon as something waits on a person.</p>
        </EmptyState>
      ) : (
        <ul class="messages">
          {mails.map((mail) => (
            <li class="card">
              <h2>
                {mail.subject ?? mail.kind.replaceAll('_', ' ')} <StatusChip {...MAIL_WORDS[mail.state]} />
              </h2>
              <p class="when">
                To {mail.address} · <Moment reader={reader} at={mail.created_at} /> · <CopyableId id={mail.id} />
              </p>
              {mail.last_error === null ? null : (
                <p class="error">
                  After {String(mail.attempts)} tries: {mail.last_error}
                </p>
              )}
              {mail.body_text === null ? null : (
                <details>
                  <summary>What it says</summary>
                  <MailText text={mail.body_text} />
                </details>
              )}
            </li>
          ))}
        </ul>
      )}
      {older === null ? null : (
        <p>
          <a href={older}>Older mails</a>
        </p>
      )}
    </Layout>
  );
}

/** As it was sent; addresses of our own pages can be followed. */
function MailText({ text }: { text: string }) {
  return (
    <div class="mail-text">
      {text
        .trim()
        .split(/\n+/)
        .map((line) => {
          const [, words, url] = /^(.*?)(https?:\/\/\S+)$/.exec(line) ?? [];
          return <p>{url === undefined ? line : [words, <a href={url}>{url}</a>]}</p>;
        })}
    </div>
  );
}
