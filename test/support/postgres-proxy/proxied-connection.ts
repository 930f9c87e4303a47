import type { Socket } from 'node:net';
import { MessageSplitter, startupOf, statementOf, type WireMessage } from './message-splitter.ts';

/** What the client of a COPY sends at its end, as if it were a statement. */
export const COPY_DONE = 'COPY DONE';

/** Long runs send millions. */
const KEPT_STATEMENTS = 100;

/** What holds a connection at a statement. */
export interface ConnectionStop {
  /** `request`: before Postgres hears of it. `answer`: it has taken effect, and the client does not know yet. */
  readonly holds: 'request' | 'answer';
  /** The connection has come there. */
  reach(connection: ProxiedConnection): void;
}

export interface ConnectionWatcher {
  /** Asked about each statement before it is sent on; a stop holds it or its answer. */
  stopFor(connection: ProxiedConnection, statement: string): ConnectionStop | undefined;
  onClosed(connection: ProxiedConnection): void;
}

/** One connection of a client to Postgres, message by message. */
export class ProxiedConnection {
  /** As its startup says. */
  applicationName = '';
  /** The backend's process id, once the session has begun. */
  pid = 0;
  /** The latest statements. */
  readonly statements: string[] = [];

  readonly #client: Socket;
  readonly #server: Socket;
  readonly #watcher: ConnectionWatcher;
  readonly #fromClient = new MessageSplitter(true);
  readonly #fromServer = new MessageSplitter(false);
  /** Holds what comes from the client, or from the server. */
  #holdsRequest: ConnectionStop | undefined;
  #holdsAnswer: ConnectionStop | undefined;
  #heldRequests: Buffer[] = [];
  #heldAnswers: Buffer[] = [];
  /** A side that is lost hears nothing of the other any more. */
  #clientIsDeaf = false;
  #serverIsDeaf = false;

  constructor(client: Socket, server: Socket, watcher: ConnectionWatcher) {
    this.#client = client;
    this.#server = server;
    this.#watcher = watcher;
    client.setNoDelay(true).on('data', (chunk) => this.#clientSent(chunk));
    server.on('data', (chunk) => this.#serverSent(chunk));
    client.on('error', () => {}).on('close', () => this.#closed('client'));
    server.on('error', () => {}).on('close', () => this.#closed('server'));
  }

  /** Both sides see the connection end. */
  cut(): void {
    this.#heldRequests = [];
    this.#client.resetAndDestroy();
    this.#server.destroy();
  }

  /** Only the client sees the connection end: for the server it stays open, in silence, and what is held may arrive late. */
  cutClient(): void {
    this.#serverIsDeaf = true;
    this.#client.resetAndDestroy();
  }

  /** Only the server sees the connection end; the client's stays open, in silence. */
  cutServer(): void {
    this.#clientIsDeaf = true;
    this.#heldRequests = [];
    this.#server.destroy();
  }

  /** Sends on what was held; called by the stop. What a client that is gone had sent arrives late, and then its end. */
  release(): void {
    this.#holdsRequest = undefined;
    for (const bytes of this.#heldRequests.splice(0)) this.#toServer(bytes);
    this.#holdsAnswer = undefined;
    for (const bytes of this.#heldAnswers.splice(0)) this.#toClient(bytes);
    if (this.#client.destroyed && !this.#serverIsDeaf) this.#server.end();
  }

  #clientSent(chunk: Buffer): void {
    this.#fromClient.push(chunk);
    for (let message = this.#fromClient.next(); message !== undefined; message = this.#fromClient.next()) {
      this.#onRequest(message);
    }
  }

  #onRequest(message: WireMessage): void {
    if (message.type === '') {
      const { kind, parameters } = startupOf(message);
      if (kind === 'encrypt') {
        this.#client.write('N');
        return;
      }
      if (kind === 'start') {
        this.#fromClient.begun();
        const at = parameters.indexOf('application_name');
        this.applicationName = parameters[at + 1] ?? '';
      }
    }
    const statement = message.type === 'c' ? COPY_DONE : statementOf(message);
    if (statement !== undefined) {
      this.statements.push(statement);
      if (this.statements.length > KEPT_STATEMENTS) this.statements.shift();
      const stop = this.#watcher.stopFor(this, statement);
      if (stop?.holds === 'request') {
        this.#holdsRequest = stop;
        stop.reach(this);
      } else if (stop !== undefined) this.#holdsAnswer = stop;
    }
    if (this.#holdsRequest !== undefined) this.#heldRequests.push(message.bytes);
    else this.#toServer(message.bytes);
  }

  #serverSent(chunk: Buffer): void {
    this.#fromServer.push(chunk);
    for (let message = this.#fromServer.next(); message !== undefined; message = this.#fromServer.next()) {
      if (message.type === 'K') this.pid = message.bytes.readInt32BE(5);
      if (this.#holdsAnswer === undefined) this.#toClient(message.bytes);
      else {
        this.#heldAnswers.push(message.bytes);
        // ReadyForQuery, CopyInResponse: what was asked for has happened.
        if (message.type === 'Z' || message.type === 'G') this.#holdsAnswer.reach(this);
      }
    }
  }

  #toServer(bytes: Buffer): void {
    if (this.#server.writable && !this.#server.write(bytes)) {
      this.#client.pause();
      this.#server.once('drain', () => this.#client.resume());
    }
  }

  #toClient(bytes: Buffer): void {
    if (!this.#clientIsDeaf && this.#client.writable) this.#client.write(bytes);
  }

  #closed(side: 'client' | 'server'): void {
    if (side === 'client' && !this.#serverIsDeaf && this.#holdsRequest === undefined) this.#server.end();
    if (side === 'server' && !this.#clientIsDeaf) this.#client.destroy();
    if (this.#client.destroyed && this.#server.destroyed) this.#watcher.onClosed(this);
  }

  /** Postgres sees the end of the connection, after what was sent on. */
  endServer(): void {
    this.#server.end();
  }

  /** Ends a connection of which one side was lost in silence. */
  forget(): void {
    if (this.#clientIsDeaf || this.#serverIsDeaf) this.destroy();
  }

  /** Ends what is left of it. */
  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}
