// Follows a subscription with a client that is not ours, `graphql-ws` or
// `graphql-sse`, cuts the connection in the middle as often as it is told, and
// resumes from the cursor it has. Prints what it got, one JSON text a line.
//
//   GRAPHQL_URL    http://127.0.0.1:8080/graphql
//   GRAPHQL_TOKEN  a bearer token
//   SUBSCRIPTION   the text; its variables are $job and $after
//   JOB_ID         the job to follow
//   CURSOR         the name of the item's field to resume from (cursor)
//   AFTER          where to start (none)
//   CUT_AFTER      after how many items to cut, counted anew each time: "3,5,40"
//   TIMEOUT_MS     when to give up (60000)
import { createClient as sseClient } from 'graphql-sse';
import { createClient as wsClient } from 'graphql-ws';
import WebSocket from 'ws';

const { GRAPHQL_URL, GRAPHQL_TOKEN, SUBSCRIPTION, JOB_ID, CURSOR = 'cursor', AFTER, CUT_AFTER = '', TIMEOUT_MS = '60000' } = process.env;
const authorization = `Bearer ${GRAPHQL_TOKEN}`;

// Each transport: a client of its own per connection, and how to break it.
const transports = {
  ws() {
    let socket;
    const client = wsClient({
      url: GRAPHQL_URL.replace(/^http/, 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      retryAttempts: 0,
      on: { opened: (opened) => (socket = opened) },
    });
    return { client, cut: () => socket.terminate() };
  },
  sse() {
    const client = sseClient({ url: GRAPHQL_URL, headers: { authorization }, retryAttempts: 0 });
    return { client, cut: () => client.dispose() };
  },
};

// follow prints items until the server completes (false) or it has cut (true).
async function follow({ client, cut }, after, limit, seen) {
  const items = client.iterate({ query: SUBSCRIPTION, variables: { job: JOB_ID, after } });
  let count = 0;
  for await (const { data, errors } of items) {
    if (errors) throw new Error(JSON.stringify(errors));
    const [item] = Object.values(data);
    seen(item);
    if (++count === limit) {
      cut();
      return true;
    }
  }
  return false;
}

async function main(connect) {
  const cuts = CUT_AFTER.split(',').filter(Boolean).map(Number);
  let after = AFTER;
  let lines = 0;
  let made = 0;
  while (await follow(connect(), after, cuts[made], (item) => {
    console.log(JSON.stringify(item));
    after = item[CURSOR];
    lines++;
  })) made++;
  console.error(`${lines} items, ${made} cuts`);
}

const connect = transports[process.argv[2]];
if (!connect || !GRAPHQL_URL || !SUBSCRIPTION || !JOB_ID) {
  console.error('usage: GRAPHQL_URL=… GRAPHQL_TOKEN=… SUBSCRIPTION=… JOB_ID=… node follow.mjs ws|sse');
  process.exit(2);
}
const timeout = setTimeout(() => {
  console.error(`gave up after ${TIMEOUT_MS} ms`);
  process.exit(1);
}, Number(TIMEOUT_MS));
try {
  await main(connect);
} catch (err) {
  console.error(err?.reason || err?.message || err);
  process.exitCode = 1;
}
clearTimeout(timeout);
