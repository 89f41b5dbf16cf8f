// Package browser drives an installed Chromium: it prints pages to PDF, and for tests (build tag browser) it opens pages,
// records what they log and what they ask of the network, and runs axe-core's accessibility rules on them.
//
// axe-core stands below axe/ as published on npm (version 4.14.1, Mozilla Public License 2.0, with its notices). Only tests
// embed it.
package browser
