/** What a load's icon tells by its colour. */
export const ICON_STATES = ['in-progress', 'completed', 'failures', 'warning'] as const;
export type IconState = (typeof ICON_STATES)[number];

const COLOURS: Readonly<Record<IconState, string>> = {
  'in-progress': '#0b63ce',
  completed: '#1f7a3a',
  failures: '#c2271f',
  warning: '#b26a00',
};

const RADIUS = 12;

/**
 * The page's icon while a load is watched: a ring that closes with its progress. A file of the server, since the
 * content security policy takes no image from anywhere else.
 * @param percent 0 to 100
 */
export function progressIcon(state: IconState, percent: number): string {
  const around = 2 * Math.PI * RADIUS;
  const shown = ((around * percent) / 100).toFixed(2);
  const ring = `cx="16" cy="16" r="${RADIUS}" fill="none" stroke-width="7"`;
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
    `<circle ${ring} stroke="#9aa7b5" stroke-opacity=".45"/>` +
    `<circle ${ring} stroke="${COLOURS[state]}" stroke-dasharray="${shown} ${around.toFixed(2)}" transform="rotate(-90 16 16)"/>` +
    '</svg>'
  );
}
