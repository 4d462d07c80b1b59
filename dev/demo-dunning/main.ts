import { parseArgs } from 'node:util';
import { createReport } from '../report.ts';
import { runMain, SetupProblem } from '../setup-problem.ts';
import { STORIES } from './stories.ts';
import { describeTimeline } from './timeline.ts';

const DAYS = 30;

const HELP = `npm run demo:dunning -- [options]

Plays thirty days of ten dunning campaigns in seconds, on a Temporal server that skips time and servers of its own, and prints what each user
was sent, opened, was spared and repaid. A deferral stands at the moment to which it was planned, also where its reason ended before. Ends with code 0 only if every campaign ended as its story says. With DATABASE_URL set it uses
that Postgres and leaves its users there.

  --only NAME   only this user's story; may be given several times
  --help        this text
`;

/** `npm run demo:dunning`: see HELP. */
await runMain(async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: STORIES.map((it) => it.userId) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const unknown = values.only.filter((name) => STORIES.every((it) => it.userId !== name));
  if (unknown.length > 0)
    throw new SetupProblem(
      `There is no story of ${unknown.join(', ')}; there are ${STORIES.map((it) => it.userId).join(', ')}`,
    );
  // Only now: loading what they need takes longer than a word of help may.
  const [{ OFFSET_HOURS, play }, { openStage }] = await Promise.all([
    import('./play.ts'),
    import('./stage.ts'),
  ]);
  const report = createReport();
  const stage = await openStage(report);
  try {
    for (const story of STORIES.filter((it) => values.only.includes(it.userId))) {
      const { startMs, debt, happenings } = await play(stage, story, DAYS);
      const isRight = debt.state === story.end;
      report.note(`\n${story.userId}: ${story.title}`);
      report.note(describeTimeline(happenings, startMs, OFFSET_HOURS));
      report.note(
        `  ${isRight ? 'ok' : `WRONG, expected ${story.end}`}: ${debt.state}, ${debt.contacts.length} messages, ${debt.remainingAmount} of ${debt.amount} JPY left`,
      );
      if (!isRight) process.exitCode = 1;
    }
    report.note(process.exitCode === 1 ? '\nNot as it should be.' : '\nEverything went as it should.');
  } finally {
    await stage.stop();
  }
  // A call to a server that is gone would still be tried again.
  process.exit();
});
