import{c as e,d as o}from"./chunk-7TJX37PN.js";import{f as r}from"./chunk-T7N3FMIY.js";r();var s={insertSpaces:!0,tabSize:2,eol:`
`},a={jsonc:{astFormat:"jsonc",parse:t=>({text:t}),locStart:()=>0,locEnd:({text:t})=>t.length}},c={jsonc:{print:({node:t})=>o(t.text,e(t.text,void 0,s))}};export{a as parsers,c as printers};
