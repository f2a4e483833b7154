// Microsoft's parser and binder, asked by JSON lines.
//
// A line {"tables": {NAME: [[COLUMN, TYPE], ...]}, "functions": {NAME: [PARAMETERS, BODY]}} declares what queries may
// name, and has no answer. A line {"kql": TEXT} is answered by a line with `diagnostics` (line and column count from 1,
// from the top of the text) and `results`: for each statement that gives something, its columns with their types, and
// `open` where there may be more columns, which only the data tells. A value has one column without a name. Where the
// library itself fails, there is an `error` instead.
'use strict';
const path = require('path');
const readline = require('readline');

const LIBRARY = path.join(__dirname, 'node_modules', '@kusto', 'language-service-next');
require(path.join(LIBRARY, 'bridge.min.js'));
require(path.join(LIBRARY, 'Kusto.Language.Bridge.min.js'));
const { GlobalState, KustoCode, Editor, Symbols } = Kusto.Language;

function* each(sequence) {
  const items = Bridge.getEnumerator(sequence);
  while (items.moveNext()) yield items.Current;
}

function declared({ tables = {}, functions = {} }) {
  const members = [];
  for (const [name, columns] of Object.entries(tables)) {
    const typed = columns.map(([column, type]) => new Symbols.ColumnSymbol(column, Symbols.ScalarTypes.GetSymbol(type)));
    members.push(new Symbols.TableSymbol.$ctor4(name, typed));
  }
  for (const [name, [parameters, body]] of Object.entries(functions)) {
    members.push(new Symbols.FunctionSymbol.$ctor16(name, parameters, body, null));
  }
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor2('logs', null, members));
}

function diagnosis(text, found, start) {
  const before = text.slice(0, start + found.Start).split('\n');
  return {
    code: found.Code,
    severity: found.Severity,
    line: before.length,
    column: before[before.length - 1].length + 1,
    message: found.Message,
  };
}

function result(type) {
  if (type === null || type.Columns === undefined) {
    return { columns: [['', type === null ? 'unknown' : type.Name]], open: false };
  }
  return { columns: [...each(type.Columns)].map((column) => [column.Name, column.Type.Name]), open: type.IsOpen };
}

function* results(code) {
  for (const separated of each(code.Syntax.Statements)) {
    const statement = separated.Element$1;
    if (statement instanceof Kusto.Language.Syntax.ExpressionStatement) yield result(statement.Expression.ResultType);
  }
}

function answer(text, globals) {
  const answered = { diagnostics: [], results: [] };
  for (const block of each(Editor.CodeScript.From$1(text, globals).Blocks)) {
    const code = KustoCode.ParseAndAnalyze(block.Text, globals);
    for (const found of each(code.GetDiagnostics())) answered.diagnostics.push(diagnosis(text, found, block.Start));
    answered.results.push(...results(code));
  }
  return answered;
}

function answerOrError(text, globals) {
  try {
    return answer(text, globals);
  } catch (error) {
    return { error: String(error.message ?? error) };
  }
}

let globals = GlobalState.Default;
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line);
  if (asked.kql === undefined) globals = declared(asked);
  else console.log(JSON.stringify(answerOrError(asked.kql, globals)));
});
