// Scripts of a page: each may use what those before it have made (SCRIPTS in batch/report_page/rendering.py).
const browser = [
  "Blob", "Event", "IntersectionObserver", "Intl", "Option", "URL", "document", "getSelection", "localStorage", "matchMedia",
  "navigator", "setTimeout", "window",
];

export default [
  {
    files: ["**/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "script",
      globals: Object.fromEntries(browser.map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "eqeqeq": "error",
      "max-len": ["error", { code: 130 }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "outerHTML" }, { property: "insertAdjacentHTML" }],
      "no-shadow": "error",
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "prefer-const": "error",
      "strict": ["error", "global"],
    },
  },
];
