// What the browser tests run against: a Holdfast server, a simulated org and its record page
// (`holdfast harness`), and records with a past, made over the org's public API.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const binary = process.env.HOLDFAST ?? here('../../bin/holdfast');

/** The people of the demo's org. */
export const ROSA = 'Rosa@example.com'; // restores
export const CARL = 'Carl@example.com'; // may not edit Phone
export const VERA = 'Vera@example.com'; // only compares, does not see AnnualRevenue

const LONG = (times) =>
  `Importer and distributor of fine foods, founded in 1987 by two sisters from Lübeck.\n${'They supply restaurants, delicatessens and ships. '.repeat(times)}\nPrefers to be called in the morning.`;

// The states of a Northwind, the oldest first: each holds what changed. All but the last are backed up.
const STATES = [
  {
    Name: 'Northwind',
    Industry: 'Food & Beverage',
    Phone: '+49 30 901820',
    Website: 'https://northwind.example.com',
    AnnualRevenue: 1200000,
    NumberOfEmployees: 120,
    Discount__c: 12.5,
    Markets__c: 'DACH;Benelux',
    Active__c: true,
    Renewal_Date__c: '2026-03-31',
    Last_Visit__c: '2026-01-12T13:45:00Z',
    Opening_Time__c: '08:30:00.000Z',
    Description: 'Importer of fine foods.',
    BillingStreet: 'Hafenstraße 7\nAufgang B',
    BillingCity: 'Lübeck',
    Email__c: 'a.very.long.address.for.invoices@accounting.northwind-traders.example.com'
  },
  {
    Name: 'Northwind Traders',
    AnnualRevenue: 1450000,
    NumberOfEmployees: 134,
    Markets__c: 'DACH;Benelux;Nordics',
    Last_Visit__c: '2026-06-02T23:30:00Z'
  },
  {
    Industry: 'Retail',
    Phone: '+49 30 901821',
    Discount__c: 15,
    Renewal_Date__c: '2027-03-31',
    Opening_Time__c: '09:00:00.000Z',
    Description: LONG(8),
    BillingStreet: 'Kaiweg 12',
    BillingCity: 'Hamburg'
  },
  {
    Name: 'Northwind Traders Ltd',
    AnnualRevenue: 1500000,
    Credit_Limit__c: 250000.5,
    NumberOfEmployees: 141,
    ParentId: null
  },
  { Markets__c: 'DACH;Nordics', Last_Visit__c: '2026-10-01T08:00:00Z', Description: LONG(9) },
  {
    Name: 'Northwind',
    Industry: 'Banking',
    Phone: null,
    AnnualRevenue: 15000,
    Discount__c: 50,
    Markets__c: 'DACH',
    Active__c: false,
    Renewal_Date__c: null,
    Description: 'x'
  }
];

/** Starts it all. */
export async function startOrg({ sources = [here('org')], records = 0 } = {}) {
  const from = sources.flatMap((folder) => ['--source', folder]);
  const child = spawn(binary, ['harness', '--files', here('dist'), `--records=${records}`, ...from], {
    stdio: ['pipe', 'pipe', 'inherit']
  });
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`${binary} harness ended with ${code}`);
  });
  died.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), died]);
  return new Org(child, JSON.parse(line));
}

/** The org as its administrator has it, with the switches that no API has. */
class Org {
  constructor(child, addresses) {
    this.child = child;
    this.addresses = addresses;
  }

  get page() {
    return this.addresses.page;
  }

  async ask(url, token, method, body) {
    const response = await fetch(url, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body)
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A REST request to the org. */
  rest(method, path, body) {
    const { url, token } = this.addresses.org;
    return this.ask(`${url}/services/data/v66.0${path}`, token, method, body);
  }

  /** What a query finds. */
  async query(text) {
    return (await this.rest('GET', `/query?q=${encodeURIComponent(text)}`)).records;
  }

  /** A field of an account as the org itself has it now. */
  async value(id, field) {
    return (await this.rest('GET', `/sobjects/Account/${id}?fields=${field}`))[field];
  }

  async create(object, fields) {
    return (await this.rest('POST', `/sobjects/${object}`, fields)).id;
  }

  /** Writes the same fields to many records. */
  async update(object, ids, fields) {
    for (let i = 0; i < ids.length; i += 200) {
      const records = ids.slice(i, i + 200).map((id) => ({ attributes: { type: object }, id, ...fields }));
      const results = await this.rest('PATCH', '/composite/sobjects', { allOrNone: true, records });
      const refused = results.find(({ success }) => !success);
      if (refused) throw new Error(JSON.stringify(refused.errors));
    }
  }

  async backUp() {
    const response = await fetch(`${this.page}/harness/backup`, { method: 'POST', body: '{}' });
    if (!response.ok) throw new Error(`backup: ${await response.text()}`);
  }

  /** Sets the switches: down, late (seconds), slow (milliseconds), and purges. All others are off. */
  async control(order = {}) {
    const response = await fetch(this.addresses.control, { method: 'POST', body: JSON.stringify(order) });
    if (!response.ok) throw new Error(await response.text());
  }

  /** Turns the validation rule of the sales desk on or off, over Tooling. */
  async setRule(active) {
    const [rule] = (
      await this.rest(
        'GET',
        `/tooling/query?q=${encodeURIComponent("SELECT Id, FullName, Metadata FROM ValidationRule WHERE ValidationName = 'Phone_of_the_sales_desk'")}`
      )
    ).records;
    await this.rest('PATCH', `/tooling/sobjects/ValidationRule/${rule.Id}`, {
      FullName: rule.FullName,
      Metadata: { ...rule.Metadata, active }
    });
  }

  /** Makes accounts that are all Northwind, with five versions behind them; the first has a file and lost a contact. */
  async makeNorthwinds(count) {
    const [{ Id: rosa }] = await this.query(`SELECT Id FROM User WHERE Username = '${ROSA}'`);
    const parent = await this.create('Account', { Name: 'Hansa Holding' });
    const ids = [];
    for (let i = 0; i < count; i++)
      ids.push(await this.create('Account', { ...STATES[0], ParentId: parent }));
    const carla = await this.create('Contact', { FirstName: 'Carla', LastName: 'Ruiz', AccountId: ids[0] });
    await this.create('ContentVersion', {
      Title: 'Framework contract, signed by both parties',
      PathOnClient: 'contract.txt',
      VersionData: Buffer.from('It is agreed.').toString('base64'),
      FirstPublishLocationId: ids[0]
    });
    await this.backUp();
    for (const [i, state] of STATES.slice(1).entries()) {
      const isLast = i === STATES.length - 2;
      await this.update('Account', ids, isLast ? { ...state, OwnerId: rosa } : state);
      if (i === 2) await this.rest('DELETE', `/sobjects/Account/${parent}`);
      if (i === 2) await this.rest('DELETE', `/sobjects/Contact/${carla}`);
      if (!isLast) await this.backUp();
    }
    return ids;
  }

  async stop() {
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    await exited;
  }
}
