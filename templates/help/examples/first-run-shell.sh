ftui check helpdesk.jsonl
ftui upload helpdesk.jsonl --name helpdesk-by-shell
ftui create HuggingFaceTB/SmolLM2-135M-Instruct helpdesk-by-shell main.default --training-duration 2ep --follow
ftui list --status COMPLETED
