/** Two ledgers that ought to agree, with differences planted in them: always the same ones, so that they can be told. */

const INVOICES = 500;

const missingInStatement = [17, 203, 388];
const missingInLedger = ["RF-9001", "RF-9002"];
/** By so many cents the bank's amount is off. */
const offByCents = new Map([
  [42, 1],
  [250, -1_000],
  [311, 9],
  [499, 250_000],
]);

/** What was planted, in the words of payments.reconcile. */
export const planted = {
  matched: INVOICES - missingInStatement.length - offByCents.size,
  missing_in_statement: missingInStatement.length,
  missing_in_ledger: missingInLedger.length,
  different_amount: offByCents.size,
  duplicate_keys: 0,
};

/** What the discrepancies file must name. */
export const plantedKeys = [
  ...missingInStatement.map(reference),
  ...[...offByCents.keys()].map(reference),
  ...missingInLedger,
].toSorted();

function reference(invoice: number): string {
  return `RF-${String(invoice).padStart(4, "0")}`;
}

/** Amounts without a pattern, but always the same. */
function centsOf(invoice: number): number {
  return ((invoice * 7919) % 100_000) + 199;
}

function line(key: string, cents: number): string {
  return `${key},${(cents / 100).toFixed(2)}\n`;
}

/** The invoices as we wrote them, and the bank statement, in an order of its own. Both CSV. */
export function makeLedgers(): { ledger: string; statement: string } {
  const header = "reference,amount\n";
  const invoices = Array.from({ length: INVOICES }, (_, at) => at + 1);
  const paid = invoices
    .filter((invoice) => !missingInStatement.includes(invoice))
    .map((invoice) => line(reference(invoice), centsOf(invoice) + (offByCents.get(invoice) ?? 0)))
    .toReversed();
  return {
    ledger: header + invoices.map((invoice) => line(reference(invoice), centsOf(invoice))).join(""),
    statement: header + paid.join("") + missingInLedger.map((key) => line(key, 12_345)).join(""),
  };
}
