/** That files are left as they were loaded though their objects have changed since, and how to load them; undefined for none. */
export function passedOverNote(files: number): string | undefined {
  if (files === 0) return undefined;
  const [subject, them] =
    files === 1
      ? ['1 object has changed since it was loaded, and is', 'it']
      : [`${files} objects have changed since they were loaded, and are`, 'them'];
  return `${subject} passed over; call with upsert? and reload-changed? to load ${them}.`;
}
