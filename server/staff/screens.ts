import { Router } from 'express';
import type { Site } from '../web/http.js';
export function staffRoutes(_s: Site, _d: object): Router {
  return Router();
}
