/** The SQLite database of one object, in memory, behind the interface of `storage.sql`. */

import { DatabaseSync, type SQLInputValue } from "node:sqlite";

type Row = Record<string, unknown>;

export type Sql = ReturnType<typeof openSql>;

/** Announces a write and how to undo it, if it is the first of its stretch. */
type Write = (undo: () => void) => void;

/** An empty database. A stretch of writes is one transaction: `commit` keeps it, its undo rolls it back. */
export function openSql(isFull: () => boolean) {
  const database = new DatabaseSync(":memory:");
  const statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  let isOpen = false;
  let depth = 0;

  function prepare(query: string) {
    let statement = statements.get(query);
    if (!statement) {
      statement = database.prepare(query);
      statements.set(query, statement);
    }
    return statement;
  }

  function begin(write: Write): void {
    if (isOpen) {
      write(() => undefined);
      return;
    }
    write(() => {
      if (isOpen) database.exec("ROLLBACK");
      isOpen = false;
    });
    database.exec("BEGIN");
    isOpen = true;
  }

  function exec(write: Write, query: string, bindings: unknown[]) {
    const isReading = /^\s*(SELECT|WITH|PRAGMA|EXPLAIN)\b/i.test(query);
    if (/^\s*(INSERT|UPDATE)\b/i.test(query) && isFull())
      throw new Error("database or disk is full: SQLITE_FULL");
    if (!isReading) begin(write);
    if (!isReading && bindings.length === 0 && /;\s*\S/.test(query)) {
      database.exec(query);
      return cursorOf([]);
    }
    return cursorOf(prepare(query).all(...(bindings as SQLInputValue[])) as Row[]);
  }

  return {
    api: (write: Write) => ({
      exec: (query: string, ...bindings: unknown[]) => exec(write, query, bindings),
    }),
    /** Rows as they are stored, for the witness. */
    read: (query: string, ...bindings: SQLInputValue[]) => prepare(query).all(...bindings),
    commit(): void {
      if (isOpen) database.exec("COMMIT");
      isOpen = false;
    },
    /** `transactionSync`: all of it or, if it throws, nothing. */
    nested<T>(write: Write, act: () => T): T {
      begin(write);
      depth += 1;
      const name = `nested_${depth}`;
      database.exec(`SAVEPOINT ${name}`);
      try {
        const result = act();
        database.exec(`RELEASE ${name}`);
        return result;
      } catch (error) {
        database.exec(`ROLLBACK TO ${name}`);
        throw error;
      } finally {
        depth -= 1;
      }
    },
    clear(write: Write): void {
      begin(write);
      const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
      for (const { name } of tables) database.exec(`DROP TABLE "${name}"`);
      statements.clear();
    },
    close: () => database.close(),
  };
}

/** A cursor over rows that are all there already. */
function cursorOf(rows: Row[]) {
  let index = 0;
  const next = () => (index < rows.length ? { done: false, value: rows[index++] } : { done: true });
  return {
    next,
    toArray: () => rows.slice(index),
    one(): Row {
      const only = rows[0];
      if (!only || rows.length > 1) throw new Error(`Expected exactly one result, got ${rows.length}.`);
      return only;
    },
    raw: () => ({ toArray: () => rows.map((row) => Object.values(row)) }),
    columnNames: Object.keys(rows[0] ?? {}),
    rowsRead: rows.length,
    rowsWritten: 0,
    [Symbol.iterator]: () => ({ next }),
  };
}
