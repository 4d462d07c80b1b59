export interface Interrupt {
  readonly asked: () => boolean;
  readonly stopListening: () => void;
}

/** The first Ctrl-C asks the tills to finish, so that the sums still add up; the second one ends at once. */
export function listenForInterrupt(): Interrupt {
  let asked = false;
  const onSignal = (): void => {
    if (asked) process.exit(130);
    asked = true;
    process.stdout.write('\n  Ctrl-C: the tills finish what they have begun.\n');
  };
  process.on('SIGINT', onSignal);
  return { asked: () => asked, stopListening: () => process.off('SIGINT', onSignal) };
}
