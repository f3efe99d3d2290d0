// The pages behind the API's app: their headers, their routes, and an error page instead of an error document.
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import type { AppContext } from '../api/context.ts';
import { Problem, toProblem } from '../api/problem.ts';
import { stateOf } from '../api/route.ts';
import { unstorableIn } from '../api/text.ts';
import type { Settings } from '../config/settings.ts';
import type { Session } from '../db/sessions.ts';
import { assetRoutes } from './assets.ts';
import { liveEscrows } from './live.ts';
import { html, seeOther, signedIn } from './page.ts';
import { contentPolicy } from './policy.ts';
import { ErrorPage } from './pages/error.tsx';
import { amendRoutes } from './routes/amend.tsx';
import { opsRoutes } from './routes/ops.tsx';
import { approvalRoutes } from './routes/approvals.tsx';
import { auditRoutes } from './routes/audit.tsx';
import { cardDisputeRoutes } from './routes/card-disputes.tsx';
import { developerRoutes } from './routes/developers.tsx';
import { debtRoutes } from './routes/debts.tsx';
import { reconciliationRoutes } from './routes/reconciliations.tsx';
import { forceDecisionRoutes } from './routes/force-decision.tsx';
import { refundByBankRoutes } from './routes/refund-by-bank.tsx';
import { sellerMoneyRoutes } from './routes/seller-money.tsx';
import { statementRoutes } from './routes/statements.tsx';
import { accountRoutes } from './routes/accounts.tsx';
import { codecRoutes } from './routes/codec.ts';
import { formsWithFiles } from './uploads.ts';
import { fileRoutes } from './routes/files.tsx';
import { escrowRoutes } from './routes/escrows.tsx';
import { messageRoutes } from './routes/messages.tsx';
import { payRoutes } from './routes/pay.tsx';
import { securityRoutes } from './routes/security.tsx';
import { signInRoutes } from './routes/sign-in.tsx';
import { sellerRoutes, staffRoutes } from './routes/staff-and-sellers.tsx';
import { readerOf, sessionOf } from './session.ts';

/** Registers every page on the API's app, behind the API's own routes. */
export function mountPages(app: Express, context: AppContext): void {
  const live = liveEscrows(context);
  app.use('/assets', noSniffing());
  app.use(assetRoutes());
  app.use(headers(context.settings));
  app.use(codecRoutes(context));
  app.use(express.urlencoded({ extended: false, limit: '256kb', parameterLimit: 1000 }));
  app.use(formsWithFiles(context));
  app.use(storable());
  app.get('/', signedIn(context, null, async ({ viewer, response }) => seeOther(response, viewer.role === 'ops' || viewer.role === 'auditor' ? '/ops' : '/escrows'))); // prettier-ignore
  app.use(signInRoutes(context));
  app.use(amendRoutes(context));
  app.use(accountRoutes(context));
  app.use(securityRoutes(context));
  app.use(escrowRoutes(context, live));
  app.use(fileRoutes(context));
  app.use(payRoutes(context));
  app.use(sellerRoutes(context));
  app.use(staffRoutes(context));
  app.use(messageRoutes(context));
  app.use(opsRoutes(context));
  app.use(approvalRoutes(context));
  app.use(auditRoutes(context));
  app.use(debtRoutes(context));
  app.use(reconciliationRoutes(context));
  app.use(forceDecisionRoutes(context));
  app.use(refundByBankRoutes(context));
  app.use(sellerMoneyRoutes(context));
  app.use(statementRoutes(context));
  app.use(cardDisputeRoutes(context));
  app.use(developerRoutes(context));
  app.use((request, _response, next) => next(request.accepts(['json', 'html']) === 'html' ? new Problem('not_found', 'There is no such page.') : undefined)); // prettier-ignore
  app.use(failed(context));
}

function noSniffing(): RequestHandler {
  return (_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  };
}

/** What no text may hold is refused before a page looks something up by it, or a form goes on as a command. */
function storable(): RequestHandler {
  return (request, _response, next) => {
    if (/%00/.test(request.url)) throw new Problem('not_found', 'There is no such page.');
    if (unstorableIn(request.body) !== null) {
      throw new Problem('invalid_request', 'A field holds a character that no text may have, so nothing was done.');
    }
    next();
  };
}

/** The referrer stays within the site: without any, browsers call a form's origin "null". */
function headers(settings: Settings): RequestHandler {
  const policy = contentPolicy(settings);
  return (_request, response, next) => {
    response.set({ 'Content-Security-Policy': policy, 'Referrer-Policy': 'same-origin' });
    next();
  };
}

/** People get a page; what asks for JSON gets the API's document. */
function failed(context: AppContext): ErrorRequestHandler {
  return async (error, request, response, next) => {
    if (response.headersSent || request.accepts(['json', 'html']) !== 'html') {
      next(error);
      return;
    }
    const problem = toProblem(error);
    const { requestId } = stateOf(response);
    if (problem.status >= 500) context.logger.error({ err: problem.cause ?? problem, request_id: requestId }, problem.code);
    const words = TITLES[problem.status] ?? 'Something went wrong here';
    const detail = problem.status >= 500 ? 'What you asked for may not have been done. Look at it before you try again; trying again is safe.' : problem.message;
    const session = await readSession(context, request);
    const reader = session === null ? null : readerOf(request, session);
    response.set(problem.headers);
    html(response, ErrorPage({ reader, title: words, detail, requestId }), problem.status);
  };
} // prettier-ignore

/** The database may be what failed: then the page is shown as to somebody unknown. */
async function readSession(context: AppContext, request: Request): Promise<Session | null> {
  try {
    return await sessionOf(context, request);
  } catch {
    return null;
  }
}

const TITLES: Record<number, string> = {
  400: 'This cannot be read',
  403: 'This was not allowed',
  404: 'There is nothing here for you',
  413: 'This is too much',
  429: 'Too many tries',
};
