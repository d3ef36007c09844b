# The browser of the tests of the pages, included by the Makefile at the root.
# tools/e2e/browser looks for one in the same order.

.PHONY: browser
browser: ## Install Chromium for the tests of the pages, where apt can
	@if [ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "==> installing Chromium for the tests of the pages"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	else \
	  echo "Chromium is missing: run 'apt-get install chromium' as root, or name another one in the variable CHROMIUM, and try again."; exit 1; \
	fi
