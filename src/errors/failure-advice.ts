import type { Failure } from './failure.ts';

type Advice = readonly [codes: readonly string[], advice: string];

const OR_LEAVE_OUT = 'Or leave bad lines out with `max-errors`.';
const AFTER_AN_OUTAGE =
  "Load again. Where it is always one file, look in Postgres's log for what ends its sessions, such as the system killing them for memory.";

/** What to do about each failure, in the words of docs/troubleshooting.md; code stands in backticks. */
const FAILURE_ADVICE: Readonly<Record<Failure['source'], readonly Advice[]>> = {
  aidbox: [
    [['not-json', 'not-an-object', 'two-resources'], `Write one resource per line. ${OR_LEAVE_OUT}`],
    [
      ['id-missing', 'id-empty', 'id-not-a-string', 'id-too-long', 'id-twice'],
      `Fix the export: each resource needs one \`id\`. ${OR_LEAVE_OUT}`,
    ],
    [
      ['type-differs', 'type-not-a-string', 'type-twice'],
      'Rename the file or move the resource: a file holds one type, and its name begins with it. Lists of deletes need `apply-deletions?`.',
    ],
    [['line-too-long'], 'Raise `LOADER_MAX_LINE_BYTES`; each file in progress takes a few times that in memory.'],
    [['too-many-blank-lines'], 'Remove the blank lines; the export is broken.'],
    [['line-memory'], 'Raise `LOADER_LINE_MEMORY_BYTES`, or lower `thread-num`. It is retried.'],
    [['type-not-loadable'], "Name the type in the server's `LOADER_RESOURCE_TYPES`, if that is intended."],
    [['not-ndjson'], 'Convert the file and upload it again; delete its LoaderFile; load.'],
    [['bad-gzip', 'bad-zstd'], 'Upload the file again; delete its LoaderFile; load.'],
    [['folder-not-allowed'], "Name the folder in the server's `LOADER_FILE_ROOTS`."],
    [
      ['no-such-file', 'file-changed'],
      'Call again once the file is written; where it failed, with `reload-changed?`, or delete its LoaderFile.',
    ],
    [['two-forms'], `Fix the export: keep one of the two forms. ${OR_LEAVE_OUT}`],
    [['nested-too-deep'], 'Load it with `format: as-is`, which stores it unconverted. No real resource is like this.'],
    [['last-updated-missing'], 'Fix the export, or load without `newest-wins?`.'],
    [['not-a-deletion'], 'Fix the export, or load the file by a call without `apply-deletions?`.'],
    [['not-on-citus'], 'Load without it.'],
    [['last-updated-invalid'], 'Fix `meta.lastUpdated`, or load without `keep-last-updated?`.'],
    [
      ['too-many-errors'],
      'Read the bad lines at `/LoaderError?loader-file=<id>`; fix the export, or raise `max-errors`.',
    ],
    [['unfit-table'], 'Alter the table, or load into another schema; then retry.'],
    [['rows-kept-out'], 'Disable the trigger for the load, or load into a table without it; then retry.'],
    [
      ['too-many-open-files'],
      "Raise the server's limit of open files (`ulimit -n`, `LimitNOFILE`), or lower `thread-num`.",
    ],
    [['internal'], "Look in the server's log, and please report it."],
  ],
  aws: [
    [['InvalidAccount'], "Check `account`, or the server's own credentials."],
    [
      ['AccessDenied'],
      'Allow the account `s3:ListBucket` on the bucket and `s3:GetObject` on its objects; `kms:Decrypt` where they are encrypted so.',
    ],
    [['ExpiredToken'], 'Load again with new credentials; or leave out `account` and give the server a role.'],
    [['NoSuchKey'], 'Check the name; delete the LoaderFile of a deleted object; retry once it is back.'],
    [
      ['PreconditionFailed'],
      'Load with `upsert?` and `reload-changed?`; or delete its LoaderFile and load: it is listed anew.',
    ],
    [['PermanentRedirect', 'AuthorizationHeaderMalformed'], "Set `account.region` to the bucket's region."],
    [['AnswerTooLarge', 'ListingTooLarge'], 'Check `account.host`; load parts of the bucket by `prefixes`.'],
    [['ConnectTimeout', 'ReadTimeout'], 'Raise `connect-timeout` or `read-timeout`, or look at the network.'],
    [
      ['IncompleteBody', 'ECONNRESET', 'SlowDown', 'HTTP500'],
      'Retry later, with a smaller `thread-num` after `SlowDown`.',
    ],
    [['ChecksumMismatch'], 'Upload the object again: it is damaged in the store, or on the way.'],
    [['IncompleteListing'], 'Narrow `prefixes` to fewer than 1000 objects each, or update the store.'],
    [['WrongRange', 'NoSize', 'NoBody', 'UnreadableAnswer'], 'Look at the store, or a proxy before it.'],
    [['ContentEncoding'], 'Upload it without `Content-Encoding`.'],
    [['InvalidObjectState'], 'Restore the object from the archive, then retry.'],
    [['RequestTimeTooSkewed'], "Set the clock of the loader's machine, as by NTP."],
    [['KMS'], 'Enable the KMS key, and allow the account `kms:Decrypt`.'],
    [['AccountProblem', 'UserSuspended', 'InvalidPayer'], 'Settle the account with the store.'],
    [['NotTls'], 'Write `http://` before the host.'],
    [
      ['SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS_CERT_ALTNAME_INVALID'],
      'Start the server with `NODE_EXTRA_CA_CERTS=<file of the CA>`; check `account.host`.',
    ],
    [['SecondLevelDomainForbidden'], 'Set `path-style?: false` in `account`.'],
    [['NoRegion'], 'Set `AWS_REGION` on the server.'],
    [['ENOTFOUND', 'EAI_AGAIN'], 'Check `account.host`, `account.region` and DNS.'],
    [['ECONNREFUSED'], 'Check `account.host` and its port, and that the store runs.'],
    [['NotS3'], 'Set `account.host` to the port of the S3 API.'],
    [['PrivateHost'], 'Set `S3_ALLOW_PRIVATE_HOSTS=true` on the server, if such stores are intended.'],
  ],
  postgres: [
    [['23505'], 'Load with `upsert?` where the id exists already; fix the file where the id is in it twice.'],
    [['23', 'P0001'], `Fix what the message names. ${OR_LEAVE_OUT}`],
    [['22P02', '22P05', '22021', '22003', '22'], `Fix the line named. ${OR_LEAVE_OUT}`],
    [['54000'], `Make the resource smaller; it cannot be stored as it is. ${OR_LEAVE_OUT}`],
    [['54001'], `Fix the resource; or raise \`max_stack_depth\` and the system's \`ulimit -s\`. ${OR_LEAVE_OUT}`],
    [['42501', '0A000'], 'Grant the role what it needs; docs/operations.md lists it.'],
    [['42P01', '42703', '42804'], "Give the table Aidbox's shape, or let the loader create it."],
    [['53100'], 'Make room on the disk; the load goes on, or load again.'],
    [['53200'], "Lower `thread-num`; look at `work_mem` and the system's memory."],
    [['53300'], "Raise Postgres's `max_connections` or the pooler's size, or lower `thread-num`."],
    [['55P03', '40P01', '40001'], 'Load later: something else writes these tables.'],
    [['57P01', '57P02', '57P03', '57P05', '08000', '08001', '08003', '08004', '08006', '08007'], AFTER_AN_OUTAGE],
    [
      ['25P03', '25P04'],
      'Raise `transaction_timeout` or `idle_in_transaction_session_timeout` of the role; the loader sets its own.',
    ],
    [['08P01'], 'Check the table; connect without the proxy.'],
    [['57014'], 'Retry.'],
    [['57P04', '3D000'], 'Restore the database; load again.'],
    [['XX000', 'XX001', 'XX002'], "Look in Postgres's log, which has more."],
    [['25006'], 'Point the loader at the primary.'],
  ],
};

/** What to do about a failure; undefined where the guide has no word on its code. */
export function adviceFor({
  source,
  code,
}: {
  source?: string | undefined;
  code?: string | undefined;
}): string | undefined {
  if (code === undefined || (source !== 'aidbox' && source !== 'aws' && source !== 'postgres')) return undefined;
  const table = FAILURE_ADVICE[source];
  const exact = table.find(([codes]) => codes.includes(code));
  // A class of SQLSTATEs, and KMS.DisabledException and its like, stand in the table by what they begin with.
  return (exact ?? table.find(([codes]) => codes.some((known) => isClass(known) && code.startsWith(known))))?.[1];
}

function isClass(code: string): boolean {
  return code === 'KMS' || code.length === 2;
}
