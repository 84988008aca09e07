"""Who may log in with a password: people, and not service accounts, which come with tokens alone."""

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser

from runs.models import Role, User


class People(ModelBackend):
    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        return super().user_can_authenticate(user) and getattr(user, "role", None) != Role.SERVICE
