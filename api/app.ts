import express, { Router, type Express } from 'express';
import helmet from 'helmet';
import { offlineCodeRoutes } from './code/offline-routes.ts';
import { codeRoutes } from './code/routes.ts';
import type { ApiDeps } from './deps.ts';
import { deviceRoutes } from './device/routes.ts';
import { messageRoutes } from './dunning/message-routes.ts';
import { dunningPolicyRoutes } from './dunning/policy-routes.ts';
import { dunningRoutes } from './dunning/routes.ts';
import { createAuthenticator } from './http/auth.ts';
import { docsRouter } from './http/docs.ts';
import { createErrorHandler, unknownPath } from './http/errors.ts';
import { healthRouter } from './http/health.ts';
import { requestLogger } from './http/logging.ts';
import { createMetrics } from './http/metrics.ts';
import { mount } from './http/mount.ts';
import { createRateLimiter } from './http/rate-limit.ts';
import type { Route } from './http/route.ts';
import { journalRoutes } from './journal/routes.ts';
import { issuerRoutes } from './issuer/routes.ts';
import { keyRoutes } from './key/routes.ts';
import { meRoutes } from './me/routes.ts';
import { merchantRoutes } from './merchant/routes.ts';
import { parkingRoutes } from './parking/routes.ts';
import { quoteRoutes } from './parking/quote-routes.ts';
import { settlementRoutesOfParking } from './parking/settlement-routes.ts';
import { paymentRoutes } from './payment/routes.ts';
import { pushRoutes } from './push/routes.ts';
import { refundRoutes } from './refund/routes.ts';
import { dunningSummaryRoutes } from './dunning/summary-routes.ts';
import { repaymentRoutes } from './repayment/routes.ts';
import { reconciliationRoutes } from './reconciliation/routes.ts';
import { settlementRoutes } from './settlement/routes.ts';
import { userRoutes } from './user/routes.ts';
import { webhookRoutes } from './webhook/routes.ts';

/** Every endpoint of the contract, by capability. */
export function allRoutes(deps: ApiDeps): Route[] {
  return [
    ...paymentRoutes(deps),
    ...refundRoutes(deps),
    ...quoteRoutes(deps),
    ...settlementRoutesOfParking(deps),
    ...settlementRoutes(deps),
    ...reconciliationRoutes(deps),
    ...codeRoutes(deps),
    ...offlineCodeRoutes(deps),
    ...deviceRoutes(deps),
    ...journalRoutes(deps),
    ...meRoutes(deps),
    ...userRoutes(deps),
    ...merchantRoutes(deps),
    ...issuerRoutes(deps),
    ...dunningRoutes(deps),
    ...dunningPolicyRoutes(deps),
    ...repaymentRoutes(deps),
    ...dunningSummaryRoutes(deps),
    ...messageRoutes(deps),
    ...pushRoutes(deps),
    ...parkingRoutes(deps),
    ...webhookRoutes(deps),
    ...keyRoutes(deps),
  ];
}

/** The API as an Express app; `serve.ts` lets it listen. */
export function createApp(deps: ApiDeps): Express {
  const routes = allRoutes(deps);
  const metrics = createMetrics(deps.pool, deps.streams.count, { eager: deps.eager, more: deps.moreMetrics });
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(requestLogger(deps.log));
  app.use(metrics.observe);
  // http in development: do not tell browsers to upgrade the documentation's own requests.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  app.use(healthRouter(deps));
  app.get('/metrics', metrics.expose);
  app.use(docsRouter(routes));

  const router = Router({ caseSensitive: true });
  mount(router, routes, createAuthenticator(deps.pool), createRateLimiter(deps.rateLimits));
  app.use(router);
  app.use(unknownPath);
  app.use(createErrorHandler(deps.log));
  return app;
}
