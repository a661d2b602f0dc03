// Short rules stand on one line; names of states are those of the ledger (is-in_doubt).
export default {
  extends: "stylelint-config-standard",
  rules: {
    "declaration-block-single-line-max-declarations": null,
    "declaration-empty-line-before": null,
    "custom-property-empty-line-before": null,
    "rule-empty-line-before": null,
    "at-rule-empty-line-before": null,
    "comment-empty-line-before": null,
    "selector-class-pattern": "^[a-z][a-z0-9]*([_-][a-z0-9]+)*$",
    "no-descending-specificity": null,
    "declaration-no-important": null,
  },
};
