from infra.cli.main import app

app()
