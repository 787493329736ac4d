package starter

// workflow is a workflow of GitHub Actions. REF is the version of the action.
const workflow = `# Judges each pull request, and each group of the merge queue, before it is merged.
name: pmcheck

on:
  pull_request:
  merge_group:

permissions:
  contents: read # no other right is needed

jobs:
  pmcheck:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
      - uses: pmcheck/pmcheck@REF
`

// circleci is a job of CircleCI. BRANCH is the default branch.
const circleci = `jobs:
  pmcheck:
    docker: [{image: "cimg/go:1.26"}]
    steps:
      - checkout
      - run: {name: Install pmcheck, command: go install github.com/pmcheck/pmcheck/cmd/pmcheck@latest}
      - run: {name: Judge the change, command: pmcheck check --base origin/BRANCH --deepen --format text --format junit=results/pmcheck.xml}
      - store_test_results: {path: results}
workflows:
  pmcheck:
    jobs: [pmcheck]
`

const gitlab = `pmcheck:
  image: golang:1.26
  rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]
  script:
    - go install github.com/pmcheck/pmcheck/cmd/pmcheck@latest
    - pmcheck check --base "origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME" --deepen --format text --format gitlab=gl-code-quality-report.json
  artifacts:
    when: always
    reports: {codequality: gl-code-quality-report.json}
`

const preCommit = `repos:
  - repo: https://github.com/pmcheck/pmcheck
    rev: REF
    hooks: [{id: pmcheck}]
`

// template is a post-mortem to fill in. Copied under another name it is a document that pmcheck reads.
const template = `---
# Copy this file, give it a name such as 2026-001-orders-api-500s.md, and fill it in.
id: PM-YYYY-NNN
title: What users saw, and since when
date: YYYY-MM-DD
status: draft # draft, in_review, reviewed or closed
severity: SEV-2
services: [name-of-the-service]
started_at: YYYY-MM-DDThh:mm:ssZ # also detected_at, acknowledged_at, mitigated_at, resolved_at
impact: Who could not do what, for how long
trigger: The deploy or change that set it off
root_causes: []
contributing_factors: []
introduced_by: "" # the commit
action_items:
  - id: AI-1
    action: What will be different, so that this cannot happen again
    type: prevent # mitigate, prevent, detect, process or other
    priority: P1
    owner: A team, not a person
    due: YYYY-MM-DD
    status: open # open, in_progress, done or cancelled
    issue: ""
    # The rules that enforce the item: whoever breaks one is told of this post-mortem.
    # ` + "`pmcheck rules`" + ` lists them.
    enforced_by: [old-code-breaks]
---

## What happened

## Timeline

## What went well, what went badly, where we were lucky

## What we learned
`
