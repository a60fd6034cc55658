/* global GraphiQL, GraphiQLPluginExplorer, React, ReactDOM */
"use strict";

const TOKEN = "holdfast:accessToken";

const WELCOME = `# Holdfast keeps every version of a Salesforce
# org's records and gives them back.
#
# Sign up, or sign in with signIn: from then on
# this page sends your access token along, until
# the tab is closed. The buttons on the left show
# the API's documentation and an explorer of it.

mutation SignUp {
  signUp(input: {
    organizationName: "Acme"
    firstName: "Ada"
    lastName: "Lovelace"
    email: "ada@example.com"
    password: "choose 1!"
    confirmPassword: "choose 1!"
  }) {
    session {
      accessToken
      expiresAt
      refreshToken
      user { email role }
    }
    userErrors { code message field }
  }
}

query Me {
  me { email role }
  tenant { name }
}
`;

const ask = GraphiQL.createFetcher({
  url: `${location.origin}/graphql`,
  subscriptionUrl: `${location.origin.replace(/^http/, "ws")}/graphql`,
  enableIncrementalDelivery: false, // one answer a request, so that fetcher can read it
});

/** Sends a request with the token of the last sign-in, unless it brings its own. */
async function fetcher(request, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...options.headers };
  const answer = await ask(request, { ...options, headers });
  for (const payload of Object.values(answer?.data ?? {})) {
    if (payload?.session?.accessToken) {
      sessionStorage.setItem(TOKEN, payload.session.accessToken);
    }
  }
  return answer;
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: WELCOME,
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    inputValueDeprecation: true,
  }),
);
