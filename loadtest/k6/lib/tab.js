// One tab: a WebSocket that keeps what it was told last, acknowledges it, and measures how long opening took.
// Called k6/websockets in later versions; scripts/k6.sh installs the one that is meant here.
import { WebSocket } from 'k6/experimental/websockets';
import { Counter, Trend } from 'k6/metrics';

/** From the connection's first byte to the first state. */
export const opening = new Trend('livegrant_opening', true);
/** Connections that ended though nobody wanted it. */
export const lost = new Counter('livegrant_lost');
/** Messages that are not JSON, or a first one that is no whole state. */
export const broken = new Counter('livegrant_broken');

// What k6 says of a node that stops: it gives a close code in this text alone.
const RESTART = /close 1012/;

// Sockets that are open at the end of a scenario are closed by it; those closes are not losses.
export class Tab {
  /** At this address; `told(tab, message)` hears every message. */
  constructor(base, account, told) {
    this.account = account;
    this.state = null;
    this.wanted = true;
    this.opened = Date.now();
    const url = `${base.replace(/^http/, 'ws')}/ws/permission`;
    this.socket = new WebSocket(url, null, { headers: { Authorization: `Bearer ${account.token}` } });
    this.socket.onmessage = (event) => this.hear(event.data, told);
    this.moved = null;
    this.socket.onclose = () => {
      if (!this.wanted) return;
      this.wanted = false;
      if (this.moved !== null && RESTART.test(this.trouble)) this.moved();
      else lost.add(1);
    };
    // Without a listener a refused handshake would end the virtual user's loop unheard.
    this.trouble = '';
    this.socket.onerror = (event) => {
      this.trouble = String(event.error);
    };
  }

  hear(text, told) {
    let message;
    try {
      message = JSON.parse(text);
    } catch (_) {
      broken.add(1);
      return;
    }
    if (message.type === 'PERMISSION_UPDATE') {
      if (this.state === null) {
        opening.add(Date.now() - this.opened);
        if (message.data.reason !== 'snapshot' || message.userId !== this.account.account) broken.add(1);
      }
      this.state = message.data;
      this.say({ type: 'ack', permissionVersion: message.data.permissionVersion });
    }
    told(this, message);
  }

  /** Calls this when the node tells the tab to move; without it a move is a loss. */
  moves(call) {
    this.moved = call;
  }

  say(message) {
    // A tab that is closing hears its last messages, and cannot answer them.
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  close() {
    this.wanted = false;
    this.socket.close(1000);
  }
}
