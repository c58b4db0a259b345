# Zips of the functions. `make build` stages what is needed and lets SAM build from there (no Docker); SAM calls the targets
# build-<logical id> in a copy of the stage. PLATFORM=host builds for this machine's Python, to look into and to test.
PLATFORM ?= lambda

.PHONY: build
build: $(READY)  ## the functions as they are deployed: .aws-sam/build
	@$(PY) -m infra.build stage --into build/stage
	@UV=$(abspath $(VENV)/bin/uv) PYTHON=$(abspath $(PY)) PLATFORM=$(PLATFORM) SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true \
		$(VENV)/bin/sam build --template-file build/stage/template.yaml --build-dir .aws-sam/build --region eu-central-1
	@$(PY) -m infra.build sizes .aws-sam/build

FUNCTIONS := Collect Numberpool CrmWebhook CrmWorker CrmTask CrmReconcile Costs Attribution Report ReportMail ReportFeedback Alerts
.PHONY: $(FUNCTIONS:%=build-%Function)
$(FUNCTIONS:%=build-%Function):
	@$(PYTHON) -m infra.build function $@ --into "$(ARTIFACTS_DIR)"
