"""What the tests take from the command line."""


def pytest_addoption(parser):
    parser.addoption("--make-samples", action="store_true", help="write data/samples anew before it is compared")
