"""What the tests take from the command line, and what holds for all of them."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


def pytest_addoption(parser):
    parser.addoption("--make-samples", action="store_true", help="write data/samples anew before it is compared")
