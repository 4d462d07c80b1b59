import express, { Router } from 'express';
import { absolutePath } from 'swagger-ui-dist';
import type { Route } from './route.ts';
import { openApiDocument } from './openapi.ts';
import { PROBLEMS } from './problem.ts';
import { DECLINE_TEXTS, PROBLEM_TEXTS } from './problem-texts.ts';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Kessai API</title>
    <link rel="icon" type="image/png" href="docs/assets/favicon-32x32.png" />
    <link rel="stylesheet" href="docs/assets/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/assets/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: true });
`;

/** Where a problem's `type` points: each code with what it means and what to do. */
function problemsPage(): string {
  const problems = Object.entries(PROBLEM_TEXTS).map(([code, text]) =>
    entry(anchor(code), `${PROBLEMS[code as keyof typeof PROBLEM_TEXTS]} ${code}`, text),
  );
  const declines = Object.entries(DECLINE_TEXTS).map(([code, text]) =>
    entry(`decline-${anchor(code)}`, code, text),
  );
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Kessai API: problems and declines</title>
  </head>
  <body>
    <h1>Problem codes</h1>
    <p>The <code>code</code> of an <code>application/problem+json</code> answer, with its HTTP status.</p>
    <dl>${problems.join('')}</dl>
    <h1>Decline codes</h1>
    <p>The <code>declineCode</code> of a payment whose status is DECLINED: a decision, answered with 200. The code that was shown is spent.</p>
    <dl>${declines.join('')}</dl>
  </body>
</html>
`;
}

const anchor = (code: string): string => code.toLowerCase().replaceAll('_', '-');

function entry(id: string, term: string, text: string): string {
  const marked = text.replaceAll(/`([^`]+)`/g, '<code>$1</code>');
  return `<dt id="${id}"><code>${term}</code></dt><dd>${marked}</dd>`;
}

/** `/openapi.json`, and `/docs` to read it with nothing from the internet. */
export function docsRouter(routes: readonly Route[]): Router {
  // Strict: the page's links are relative to `/docs`, under `/docs/` they would lead nowhere.
  const router = Router({ strict: true });
  // Made for the first who asks: it costs as much as the rest of the start.
  let document: string | undefined;
  router.get('/openapi.json', (_request, response) => {
    document ??= JSON.stringify(openApiDocument(routes));
    response.type('application/json').send(document);
  });
  router.get('/docs', (_request, response) => {
    response.type('html').send(PAGE);
  });
  router.get('/docs/', (_request, response) => {
    response.redirect(308, '../docs');
  });
  router.get('/docs/start.js', (_request, response) => {
    response.type('text/javascript').send(START);
  });
  router.get('/docs/problems', (_request, response) => {
    response.type('html').send(problemsPage());
  });
  router.use('/docs/assets', express.static(absolutePath(), { index: false, maxAge: '1d' }));
  return router;
}
