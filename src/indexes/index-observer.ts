/** Observes what becomes of dropped indexes; must not throw. */
export interface IndexObserver {
  onIndexRestored(durationMs: number): void;
  onIndexFailed(): void;
}
